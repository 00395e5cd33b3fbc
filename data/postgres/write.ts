/** Writes staged rows to their table, by the rule that the mapping declares for rows that exist. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import { literal } from "../../postdeploy/connect/quote.ts";
import type { Session } from "../../postdeploy/connect/session.ts";
import type { Progress } from "../progress.ts";
import { isDifferent, valuesOf } from "./checks.ts";
import { run, type Staged } from "./staging.ts";
import { quoted, type Table } from "./tables.ts";

export interface Written {
  readonly inserted: number;
  readonly updated: number;
  /** Rows with other values that stayed, because the mapping declares "keep". */
  readonly kept: number;
  readonly unchanged: number;
}

export const NOTHING: Written = { inserted: 0, updated: 0, kept: 0, unchanged: 0 };

/** @param isFinal The transaction will be committed. A sequence keeps its value in a transaction that is rolled back. */
export async function write(
  session: Session,
  staged: Staged,
  isFinal: boolean,
  onProgress?: (progress: Progress) => void,
): Promise<Written> {
  const { entity, stage, table } = staged;
  const target = quoted(table.name);
  const isSame = entity.key.map((column) => `t.${quoted(column)} = s.${quoted(column)}`).join(" AND ");
  const [counts] = await run(
    session,
    `SELECT (SELECT count(*) FROM ${stage}) AS staged, (SELECT count(*) FROM ${stage} s WHERE NOT EXISTS (SELECT FROM ${target} t WHERE ${isSame})) AS missing`,
  );
  const [all, missing] = [Number(counts?.staged), Number(counts?.missing)];
  onProgress?.({ kind: "write", entity: entity.name, rows: all });
  const inserted = missing === 0 ? 0 : await insert(session, staged, isSame, { expected: missing, isFinal });
  // A row that was just inserted is equal.
  const different = all === missing ? 0 : await differing(session, staged, isSame);
  const updated = different === 0 || entity.conflict !== "replace" ? 0 : await update(session, staged, isSame);
  const kept = entity.conflict === "replace" ? 0 : different;
  return { inserted, updated, kept, unchanged: all - inserted - updated - kept };
}

async function insert(
  session: Session,
  { entity, stage, table, columns }: Staged,
  isSame: string,
  { expected, isFinal }: { expected: number; isFinal: boolean },
): Promise<number> {
  const target = quoted(table.name);
  const names = columns.map(quoted).join(", ");
  const isAlways = columns.some((column) => table.columns.get(column)!.isAlwaysIdentity);
  const { replies, error } = await session.send(
    `INSERT INTO ${target} (${names})${isAlways ? " OVERRIDING SYSTEM VALUE" : ""}
     SELECT ${columns.map((column) => `s.${quoted(column)}`).join(", ")} FROM ${stage} s WHERE NOT EXISTS (SELECT FROM ${target} t WHERE ${isSame})
     ON CONFLICT (${entity.key.map(quoted).join(", ")}) DO NOTHING`,
  );
  if (error !== undefined) throw error;
  const inserted = Number(replies[0]?.tag.split(" ").at(-1));
  if (inserted !== expected)
    throw new Failure(
      "changed",
      1,
      `Another session wrote rows of ${entity.name} meanwhile. Nothing was imported. Run the same command again.`,
    );
  if (isFinal) await advanceSequences(session, table, columns);
  return inserted;
}

/** The next row that the application writes must get a number that no imported row has. */
export async function advanceSequences(session: Session, table: Table, columns: readonly string[]): Promise<void> {
  for (const column of columns) {
    const { sequence } = table.columns.get(column)!;
    if (sequence === null) continue;
    const name = quoted(column);
    await run(
      session,
      `SELECT setval(${literal(sequence)}, greatest(max(${name}), (SELECT last_value FROM ${sequence}))) FROM ${quoted(table.name)} HAVING max(${name}) > 0`,
    );
  }
}

async function differing(session: Session, staged: Staged, isSame: string): Promise<number> {
  if (valuesOf(staged).length === 0) return 0;
  const [row] = await run(
    session,
    `SELECT count(*) FROM ${staged.stage} s JOIN ${quoted(staged.table.name)} t ON ${isSame} WHERE ${isDifferent(staged)}`,
  );
  return Number(row?.count);
}

async function update(session: Session, staged: Staged, isSame: string): Promise<number> {
  const values = valuesOf(staged);
  const { replies, error } = await session.send(
    `UPDATE ${quoted(staged.table.name)} t SET ${values.map((column) => `${quoted(column)} = s.${quoted(column)}`).join(", ")}
       FROM ${staged.stage} s WHERE ${isSame} AND (${isDifferent(staged)})`,
  );
  if (error !== undefined) throw error;
  return Number(replies[0]?.tag.split(" ").at(-1));
}
