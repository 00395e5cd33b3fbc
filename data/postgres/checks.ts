/**
 * Marks staged rows that the tables would refuse, each with its reason. The database would stop at the first of them, and name a constraint where the
 * operator needs the file and the record.
 */
import { literal } from "../../postdeploy/connect/quote.ts";
import type { Session } from "../../postdeploy/connect/session.ts";
import type { Rejection, Rejections } from "../rejections.ts";
import { PLACE, PROBLEM, run, type Staged } from "./staging.ts";
import { quoted, type UniqueIndex } from "./tables.ts";

const VALID = `${PROBLEM} IS NULL`;
const BATCH = 5000;

/** Two records with one key: neither can be compared with the row of the database. */
export async function markDuplicateKeys(session: Session, staged: readonly Staged[]): Promise<void> {
  for (const { entity, stage } of staged) await markDuplicates(session, stage, entity.key.map(quoted), entity.key.join(", "));
}

/** Marks rows that the tables of the database would refuse. */
export async function markRefused(session: Session, staged: readonly Staged[]): Promise<void> {
  for (const one of staged) {
    await markInvalid(session, one);
    for (const index of one.table.uniqueIndexes)
      if (index.columns.every((column) => one.columns.includes(column))) await markTaken(session, one, index);
  }
  // References come last: a row whose referenced row was refused has none.
  for (const one of staged) {
    for (const column of one.entity.selfReferences ?? []) await markCycles(session, one, column);
    await markOrphans(session, one, staged);
  }
  for (const one of staged) if (one.entity.conflict === "fail") await markDifferent(session, one);
}

const mark = (session: Session, stage: string, problem: string, condition: string) =>
  run(session, `UPDATE ${stage} s SET ${PROBLEM} = ${literal(problem)} WHERE ${VALID} AND (${condition})`);

async function markInvalid(session: Session, { stage, table, columns }: Staged): Promise<void> {
  for (const name of columns) {
    const { notNull, maxLength } = table.columns.get(name)!;
    if (notNull) await mark(session, stage, `${name} is null, which the table does not allow`, `${quoted(name)} IS NULL`);
    if (maxLength !== undefined)
      await mark(session, stage, `${name} is longer than ${maxLength} characters`, `length(${quoted(name)}) > ${maxLength}`);
  }
  for (const check of table.checks)
    if (check.columns.every((column) => columns.includes(column)))
      await mark(session, stage, `the rule ${check.name} of the table is not met`, `NOT (${check.expression})`);
}

/** A unique index with other columns than the key. */
async function markTaken(session: Session, { entity, stage, table }: Staged, { parts, predicate, name }: UniqueIndex): Promise<void> {
  const { key, conflict } = entity;
  const isKey = predicate === null && parts.length === key.length && key.every((column) => parts.includes(column));
  if (isKey) return;
  const what = parts.map((part) => part.replace(/::\w+( \w+)*/g, "")).join(", ");
  await markDuplicates(session, stage, parts, what, predicate ?? undefined);
  const keys = key.map(quoted).join(", ");
  const where = predicate === null ? "" : ` WHERE ${predicate}`;
  // A row that this run replaces may give its value to another one.
  const stays =
    conflict === "replace"
      ? ` AND NOT EXISTS (SELECT FROM ${stage} r WHERE (${keysOf("r", key)}) = (${keysOf("t", key)}) AND ${VALID})`
      : "";
  await run(
    session,
    `UPDATE ${stage} s SET ${PROBLEM} = ${literal(`another row of the database has the same ${what} (${name})`)}
       FROM (SELECT ${keys}, ${aliased(parts)} FROM ${stage}${where}) v,
            (SELECT ${keys}, ${aliased(parts)} FROM ${quoted(table.name)}${where}) t
      WHERE s.${VALID} AND (${keysOf("v", key)}) = (${keysOf("s", key)}) AND (${numbered("v", parts)}) = (${numbered("t", parts)})
        AND (${keysOf("t", key)}) <> (${keysOf("s", key)})${stays}`,
  );
}

const keysOf = (alias: string, key: readonly string[]): string => key.map((column) => `${alias}.${quoted(column)}`).join(", ");
const aliased = (parts: readonly string[]): string => parts.map((part, index) => `${part} AS "#${index}"`).join(", ");
const numbered = (alias: string, parts: readonly string[]): string => parts.map((_, index) => `${alias}."#${index}"`).join(", ");

async function markDuplicates(session: Session, stage: string, parts: readonly string[], what: string, predicate = "true"): Promise<void> {
  const tuple = `(${parts.join(", ")})`;
  await mark(
    session,
    stage,
    `another record has the same ${what}`,
    `(${predicate}) AND ${tuple} IN (SELECT ${parts.join(", ")} FROM ${stage} WHERE ${VALID} AND (${predicate})
       GROUP BY ${parts.map((_, index) => index + 1).join(", ")} HAVING count(*) > 1)`,
  );
}

/** Repeats for references within the table: a rejected row leaves those that refer to it without one. */
async function markOrphans(session: Session, { entity, stage, table, columns }: Staged, staged: readonly Staged[]): Promise<void> {
  for (const key of table.foreignKeys) {
    if (!key.columns.every((column) => columns.includes(column))) continue;
    const other = staged.find((one) => one.entity.table === key.table);
    const has = (relation: string, condition = "") =>
      `EXISTS (SELECT FROM ${relation} p WHERE (${keysOf("p", key.referenced)}) = (${keysOf("s", key.columns)})${condition})`;
    // What this run replaces in the referenced table keeps its key.
    const found = [has(quoted(key.table)), ...(other === undefined ? [] : [has(other.stage, ` AND p.${VALID}`)])].join(" OR ");
    const isSet = key.columns.map((column) => `s.${quoted(column)} IS NOT NULL`).join(" AND ");
    const text = `${key.columns.join(", ")} refers to no row of ${other?.entity.name ?? key.table}, in the source or in the database`;
    for (;;) {
      const { replies, error } = await session.send(
        `UPDATE ${stage} s SET ${PROBLEM} = ${literal(text)} WHERE s.${VALID} AND ${isSet} AND NOT (${found})`,
      );
      if (error !== undefined) throw error;
      if (key.table !== entity.table || replies[0]?.tag === "UPDATE 0") break;
    }
  }
}

/**
 * Rows that refer, through others, to themselves. Each round doubles how far every row has followed its references, and drops the rows that came to an
 * end, so the rounds are few however long a chain is.
 */
async function markCycles(session: Session, { entity, stage, table }: Staged, column: string): Promise<void> {
  const [key, reference] = [quoted(entity.key[0]), quoted(column)];
  await run(
    session,
    `CREATE TEMP TABLE "#reached" AS
       SELECT ${key} AS id, ${reference} AS reached FROM ${stage} WHERE ${VALID} AND ${reference} IS NOT NULL
       UNION ALL SELECT t.${key}, t.${reference} FROM ${quoted(table.name)} t
        WHERE t.${reference} IS NOT NULL AND NOT EXISTS (SELECT FROM ${stage} s WHERE s.${key} = t.${key} AND ${VALID})`,
  );
  const [row] = await run(session, 'ANALYZE "#reached"; SELECT count(*) FROM "#reached"');
  const rows = Number(row?.count);
  for (let steps = 1, left = rows; left > 0 && steps <= 2 * rows; steps *= 2) {
    await run(
      session,
      `CREATE TEMP TABLE "#further" AS SELECT a.id, b.reached FROM "#reached" a JOIN "#reached" b ON b.id = a.reached;
       DROP TABLE "#reached"; ALTER TABLE "#further" RENAME TO "#reached"; ANALYZE "#reached"`,
    );
    left = Number((await run(session, 'SELECT count(*) FROM "#reached"'))[0]?.count);
  }
  await mark(session, stage, `${column} leads back to the row itself`, `${key} IN (SELECT reached FROM "#reached")`);
  await run(session, 'DROP TABLE "#reached"');
}

async function markDifferent(session: Session, staged: Staged): Promise<void> {
  const { entity, stage, table } = staged;
  const names = valuesOf(staged).map((column) => `CASE WHEN ${differs(staged, column)} THEN ${literal(column)} END`);
  if (names.length === 0) return;
  await run(
    session,
    `UPDATE ${stage} s SET ${PROBLEM} = 'the database has other values: ' || concat_ws(', ', ${names.join(", ")})
       FROM ${quoted(table.name)} t
      WHERE s.${VALID} AND (${keysOf("t", entity.key)}) = (${keysOf("s", entity.key)}) AND (${isDifferent(staged)})`,
  );
}

/** Whether the staged row s and the row t of the table differ in a column. */
export const differs = ({ table }: Staged, column: string): string => {
  const name = quoted(column);
  const { type } = table.columns.get(column)!;
  // json has no equality, and a collation may treat different texts as equal.
  const cast = type === "json" ? "::jsonb" : /^(text|character|.*citext)/.test(type) ? '::text COLLATE "C"' : "";
  return `s.${name}${cast} IS DISTINCT FROM t.${name}${cast}`;
};

/** The columns besides the key. */
export const valuesOf = ({ entity, columns }: Staged): readonly string[] => columns.filter((column) => !entity.key.includes(column));

/** Whether the staged row s and the row t of the table, which have the same key, differ in a column. */
export function isDifferent(staged: Staged): string {
  const values = valuesOf(staged);
  return values.length === 0 ? "false" : values.map((column) => differs(staged, column)).join(" OR ");
}

/** Reports the marked rows, and removes them from the temporary tables. */
export async function collectMarked(session: Session, staged: readonly Staged[], rejections: Rejections): Promise<void> {
  for (const { entity, stage, files } of staged) {
    const keys = entity.key.map((column, index) => `${quoted(column)}::text AS "#key${index}"`);
    await run(
      session,
      `DECLARE marked NO SCROLL CURSOR FOR SELECT ${[...PLACE, PROBLEM, ...keys].join(", ")} FROM ${stage} WHERE NOT (${VALID}) ORDER BY ${PLACE.join(", ")}`,
    );
    for (;;) {
      const rows = await run(session, `FETCH ${BATCH} FROM marked`);
      for (const row of rows)
        rejections.add([rejectionOf(row, entity.name, files, entity.key.length, "entity" in entity.from ? entity.from.field : "")]);
      if (rows.length < BATCH) break;
    }
    await run(session, `CLOSE marked; DELETE FROM ${stage} WHERE NOT (${VALID})`);
  }
}

type MarkedRow = Readonly<Record<string, string | null>>;

function rejectionOf(row: MarkedRow, entity: string, files: readonly string[], keys: number, field: string): Rejection {
  const item = Number(row["#item"]);
  return {
    entity,
    file: files[Number(row["#file"])]!,
    record: Number(row["#record"]),
    path: item === -1 ? "" : `${field}[${item}]`,
    problem: row["#problem"]!,
    key: Array.from({ length: keys }, (_, index) => row[`#key${index}`] ?? "").join(" "),
  };
}
