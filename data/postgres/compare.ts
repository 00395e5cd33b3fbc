/** Compares staged rows with the rows of their table, field by field, in the snapshot of the transaction. */
import type { Session } from "../../postdeploy/connect/session.ts";
import { differs, isDifferent, valuesOf } from "./checks.ts";
import { run, type Staged } from "./staging.ts";
import { quoted } from "./tables.ts";

export interface Comparison {
  /** Rows of the table. */
  readonly rows: number;
  readonly matched: number;
  /** In the source, and not in the table. */
  readonly missing: number;
  /** In the table, and not in the source. */
  readonly extra: number;
  readonly differing: number;
  /** How many rows differ in each column. */
  readonly fields: Readonly<Record<string, number>>;
  /** Keys of some rows that do not match. */
  readonly examples: readonly Example[];
}

export interface Example {
  readonly kind: "missing" | "extra" | "differing";
  readonly key: string;
  /** Columns that differ. */
  readonly fields?: readonly string[];
}

const EXAMPLES = 10;

export async function compare(session: Session, staged: Staged): Promise<Comparison> {
  const values = valuesOf(staged);
  const isBoth = 's."#record" IS NOT NULL AND t."#there"';
  const counts = [
    `count(*) FILTER (WHERE t."#there") AS "#rows"`,
    `count(*) FILTER (WHERE t."#there" IS NULL) AS "#missing"`,
    `count(*) FILTER (WHERE s."#record" IS NULL) AS "#extra"`,
    `count(*) FILTER (WHERE ${isBoth}) AS "#both"`,
    `count(*) FILTER (WHERE ${isBoth} AND (${isDifferent(staged)})) AS "#differing"`,
    ...values.map((column, index) => `count(*) FILTER (WHERE ${isBoth} AND ${differs(staged, column)}) AS "#${index}"`),
  ];
  const [row] = await run(session, `SELECT ${counts.join(", ")} FROM ${joined(staged)}`);
  const count = (name: string) => Number(row?.[`#${name}`]);
  const differing = count("differing");
  const fields = Object.fromEntries(values.map((column, index) => [column, count(String(index))] as const).filter(([, rows]) => rows > 0));
  const result = {
    rows: count("rows"),
    matched: count("both") - differing,
    missing: count("missing"),
    extra: count("extra"),
    differing,
    fields,
  };
  const examples = result.missing + result.extra + differing === 0 ? [] : await readExamples(session, staged);
  return { ...result, examples };
}

/** All rows of both sides. */
function joined({ entity, stage, table, columns }: Staged): string {
  const on = entity.key.map((column) => `s.${quoted(column)} = t.${quoted(column)}`).join(" AND ");
  return `${stage} s FULL JOIN (SELECT true AS "#there", ${columns.map(quoted).join(", ")} FROM ${quoted(table.name)}) t ON ${on}`;
}

async function readExamples(session: Session, staged: Staged): Promise<Example[]> {
  const examples: Example[] = [];
  const key = staged.entity.key.map((column) => `coalesce(s.${quoted(column)}, t.${quoted(column)})::text`).join(` || ' ' || `);
  for (const [kind, condition] of [
    ["missing", 't."#there" IS NULL'],
    ["extra", 's."#record" IS NULL'],
    ["differing", `s."#record" IS NOT NULL AND t."#there" AND (${isDifferent(staged)})`],
  ] as const) {
    const names =
      kind === "differing" ? valuesOf(staged).map((column) => `CASE WHEN ${differs(staged, column)} THEN '${column}' END`) : ["''"];
    const rows = await run(
      session,
      `SELECT ${key} AS key, concat_ws(' ', ${names.join(", ")}) AS fields FROM ${joined(staged)} WHERE ${condition} ORDER BY 1 LIMIT ${EXAMPLES}`,
    );
    examples.push(...rows.map(({ key, fields }) => ({ kind, key: key!, ...(kind === "differing" ? { fields: fields!.split(" ") } : {}) })));
  }
  return examples;
}
