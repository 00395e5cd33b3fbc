/** When a database was last written, as far as its tables record it. */
import { identifier } from "../../postdeploy/connect/quote.ts";
import { withSession } from "../../postdeploy/connect/session.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";

/** Columns in which products keep the time of a write. */
const COLUMNS = ["created_at", "updated_at"];

/** @returns the newest time; undefined where no table has such a column, or all are empty. A deleted row leaves no time. */
export async function readLastWrite(owner: Connection, schemas: readonly string[]): Promise<string | undefined> {
  return await withSession(owner, { application: "slipway phase" }, async (session) => {
    const columns = await session.query<{ schema: string; table: string; column: string }>(
      `SELECT c.table_schema AS schema, c.table_name AS table, c.column_name AS column FROM information_schema.columns c
         JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE t.table_type = 'BASE TABLE' AND c.table_schema = ANY ($1) AND c.column_name = ANY ($2) AND c.data_type LIKE 'timestamp%'`,
      [schemas, COLUMNS],
    );
    let newest: string | undefined;
    for (const { schema, table, column } of columns) {
      const [row] = await session.query<{ at: string | null }>(
        `SELECT to_char(max(${identifier(column)}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at FROM ${identifier(schema)}.${identifier(table)}`,
      );
      if (row?.at && (newest === undefined || row.at > newest)) newest = row.at;
    }
    return newest;
  });
}
