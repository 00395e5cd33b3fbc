/** Finds and drops the invalid indexes that an interrupted CONCURRENTLY leaves behind. */
import { identifier } from "../../connect/quote.ts";
import type { Session } from "../../connect/session.ts";
import type { ConcurrentIndex } from "../read/statement.ts";

/** An index is always in the schema of its table. */
export async function findIndex(
  session: Session,
  { name, table }: ConcurrentIndex,
): Promise<{ schema: string; valid: boolean } | undefined> {
  const [found] = await session.query<{ schema: string; valid: boolean }>(
    `SELECT n.nspname AS schema, i.indisvalid AND i.indisready AS valid FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = $1 AND i.indrelid = to_regclass($2)`,
    [
      name,
      [table.schema, table.name]
        .filter((part) => part !== undefined)
        .map(identifier)
        .join("."),
    ],
  );
  return found;
}

/** Waits for locks without a timeout, as the build does. */
export async function dropIndex(session: Session, schema: string, name: string): Promise<void> {
  await session.query("SET lock_timeout = 0");
  await session.query(`DROP INDEX CONCURRENTLY IF EXISTS ${identifier(schema)}.${identifier(name)}`);
  await session.query("RESET lock_timeout");
}

export interface BrokenIndex {
  readonly schema: string;
  readonly name: string;
  readonly table: string;
}

/** Invalid indexes that no session is building. */
const BROKEN = `SELECT n.nspname AS schema, c.relname AS name, i.indrelid::regclass::text AS "table"
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT i.indisvalid AND c.relkind = 'i' AND (n.nspname NOT LIKE 'pg_%' OR n.nspname = 'pg_toast') AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)`;

export async function findBrokenIndexes(session: Session): Promise<readonly BrokenIndex[]> {
  return await session.query<BrokenIndex & Record<string, unknown>>(`${BROKEN} ORDER BY 1, 2`);
}

/**
 * The invalid copies (_ccnew, _ccold) that an interrupted REINDEX CONCURRENTLY of these relations leaves, also on their TOAST tables. Only roles with
 * access to pg_toast can drop the latter; `status` lists them for other roles.
 */
export async function findBrokenCopies(session: Session, relations: readonly string[]): Promise<readonly BrokenIndex[]> {
  return await session.query<BrokenIndex & Record<string, unknown>>(
    `${BROKEN} AND c.relname ~ '_cc(new|old)\\d*$' AND pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'USAGE') AND i.indrelid IN
       (SELECT unnest(ARRAY[t.oid, t.reltoastrelid]) FROM unnest($1::text[]) AS name JOIN pg_class r ON r.oid = to_regclass(name)
          LEFT JOIN pg_index x ON x.indexrelid = r.oid JOIN pg_class t ON t.oid = coalesce(x.indrelid, r.oid))`,
    [relations],
  );
}
