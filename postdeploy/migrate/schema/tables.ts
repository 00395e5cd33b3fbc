/** Reads the tables of a database with their keys and references, for a diagram. Partitions are part of the table that they belong to. */
import type { Session } from "../../connect/session.ts";

export interface Table {
  readonly schema: string;
  readonly name: string;
  readonly partitioned: boolean;
  readonly columns: readonly Column[];
  readonly references: readonly Reference[];
}

export interface Column {
  readonly name: string;
  /** As format_type prints it: "character varying(255)". */
  readonly type: string;
  readonly notNull: boolean;
  readonly primaryKey: boolean;
  /** Whether a unique key or index consists of this column alone. */
  readonly unique: boolean;
}

/** A foreign key. */
export interface Reference {
  readonly columns: readonly string[];
  readonly to: { readonly schema: string; readonly name: string; readonly columns: readonly string[] };
  /** Whether every row has one: no column of the key can be NULL. */
  readonly required: boolean;
  /** Whether at most one row refers to each row of the other table. */
  readonly unique: boolean;
}

/** @param except the schema of the ledger */
export async function readTables(session: Session, except: string): Promise<readonly Table[]> {
  const rows = await session.query<{ tables: readonly Table[] | null }>(QUERY, [except]);
  return rows[0]?.tables ?? [];
}

/** Unique keys without a condition: an index WHERE … allows several rows elsewhere. */
const QUERY = `
WITH tables AS (
  SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind = 'p' AS partitioned
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', $1)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), keys AS (
  SELECT i.indrelid, i.indisprimary, (SELECT array_agg(k ORDER BY k) FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k) AS columns
  FROM pg_index i WHERE i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
)
SELECT json_agg(json_build_object(
  'schema', t.schema, 'name', t.name, 'partitioned', t.partitioned,
  'columns', (
    SELECT coalesce(json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
      'primaryKey', EXISTS (SELECT FROM keys k WHERE k.indrelid = t.oid AND k.indisprimary AND a.attnum = ANY (k.columns)),
      'unique', EXISTS (SELECT FROM keys k WHERE k.indrelid = t.oid AND k.columns = ARRAY[a.attnum])
    ) ORDER BY a.attnum), '[]')
    FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  ),
  'references', (
    SELECT coalesce(json_agg(json_build_object(
      'columns', (SELECT json_agg(a.attname ORDER BY k.place) FROM unnest(f.conkey) WITH ORDINALITY k (number, place) JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number),
      'to', json_build_object('schema', o.schema, 'name', o.name, 'columns',
        (SELECT json_agg(a.attname ORDER BY k.place) FROM unnest(f.confkey) WITH ORDINALITY k (number, place) JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number)),
      'required', (SELECT bool_and(a.attnotnull) FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey)),
      'unique', EXISTS (SELECT FROM keys k WHERE k.indrelid = t.oid AND k.columns <@ f.conkey)
    ) ORDER BY f.conkey, f.conname COLLATE "C"), '[]')
    FROM pg_constraint f JOIN tables o ON o.oid = f.confrelid
    WHERE f.conrelid = t.oid AND f.contype = 'f' AND f.conparentid = 0
  )
) ORDER BY t.schema COLLATE "C", t.name COLLATE "C") AS tables
FROM tables t`;
