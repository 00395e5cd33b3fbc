/** Counts the rows of each table, exactly where that is quick. */
import { identifier } from "../../postdeploy/connect/quote.ts";
import { open } from "../../postdeploy/connect/session.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { System } from "../../systems/definition.ts";

/** A larger table gets the planner's estimate: a count reads all of it. */
const MOST_COUNTED = 1_000_000;

/** @returns nothing where the database cannot be reached: a check reports that */
export async function countRows({ name, postgres }: System, owner: Connection): Promise<Readonly<Record<string, number>>> {
  const session = await open(owner, { application: "slipway watch", settings: { statement_timeout: "10000" } }).catch(() => undefined);
  if (session === undefined) return {};
  try {
    const tables = await session.query<{ schema: string; table: string; estimate: string }>(
      `SELECT n.nspname AS schema, c.relname AS table, greatest(c.reltuples, 0)::bigint AS estimate
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = ANY($1) ORDER BY 1, 2`,
      [postgres.schemas],
    );
    const rows: Record<string, number> = {};
    for (const { schema, table, estimate } of tables) {
      const key = `${name} ${schema}.${table}`;
      rows[key] = Number(estimate);
      if (Number(estimate) > MOST_COUNTED) continue;
      try {
        const [counted] = await session.query<{ count: string }>(`SELECT count(*) FROM ${identifier(schema)}.${identifier(table)}`);
        rows[key] = Number(counted!.count);
      } catch {
        // It took too long: the estimate stays.
      }
    }
    return rows;
  } finally {
    await session.end().catch(() => {});
  }
}
