/** What a schema is, read from Postgres's own catalog: one line per thing, in an order that does not depend on when it was made. */
import type { Database } from "./database.ts";

/** Roles and owners are left out: they are the roles step's, and are tested there. */
const SCHEMA = `
  WITH ours AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY (current_schemas(false)))
  SELECT line FROM (
    SELECT format('table %s.%s%s%s', nspname, relname,
                  CASE WHEN relrowsecurity THEN ' row security' END, CASE WHEN relforcerowsecurity THEN ' forced' END) AS line
      FROM pg_class JOIN ours ON ours.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
    SELECT format('column %s.%s.%s %s%s%s%s', nspname, relname, attname, format_type(atttypid, atttypmod),
                  CASE WHEN attnotnull THEN ' not null' END, CASE attgenerated WHEN 's' THEN ' generated' END,
                  ' default ' || pg_get_expr(adbin, adrelid))
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN ours ON ours.oid = relnamespace
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('index %s%s', pg_get_indexdef(indexrelid), CASE WHEN NOT (indisvalid AND indisready) THEN ' INVALID' END)
      FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN ours ON ours.oid = relnamespace
    UNION ALL
    SELECT format('constraint %s.%s %s %s', nspname, conrelid::regclass, conname, pg_get_constraintdef(pg_constraint.oid))
      FROM pg_constraint JOIN ours ON ours.oid = connamespace WHERE conrelid <> 0 AND contype <> 'n'
    UNION ALL
    SELECT format('trigger %s', pg_get_triggerdef(pg_trigger.oid))
      FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid JOIN ours ON ours.oid = relnamespace WHERE NOT tgisinternal
    UNION ALL
    SELECT format('function %s', pg_get_functiondef(pg_proc.oid)) FROM pg_proc JOIN ours ON ours.oid = pronamespace
    UNION ALL
    SELECT format('policy %s on %s for %s %s %s', polname, polrelid::regclass, polcmd,
                  'using ' || pg_get_expr(polqual, polrelid), 'check ' || pg_get_expr(polwithcheck, polrelid))
      FROM pg_policy JOIN pg_class c ON c.oid = polrelid JOIN ours ON ours.oid = relnamespace
    UNION ALL
    SELECT format('comment %s %s: %s', (pg_identify_object(classoid, pg_description.objoid, objsubid)).identity, objsubid, description)
      FROM pg_description JOIN pg_class c ON classoid = 'pg_class'::regclass AND c.oid = pg_description.objoid JOIN ours ON ours.oid = relnamespace
  ) lines ORDER BY line COLLATE "C"`;

export async function schemaOf(database: Database): Promise<string[]> {
  return (await database.as("superuser", SCHEMA)).map(({ line }) => String(line));
}

/** Which role may do what with each function, table and sequence. */
export async function grantsOf(database: Database): Promise<string[]> {
  const rows = await database.as(
    "superuser",
    `SELECT line FROM (
       SELECT format('%s on function %s to %s', privilege_type, p.oid::regprocedure, coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC')) AS line
         FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE pronamespace::regnamespace::text = ANY (current_schemas(false))
       UNION ALL
       SELECT format('%s on %s to %s', privilege_type, c.oid::regclass, coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'))
         FROM pg_class c, aclexplode(relacl)
        WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND relnamespace::regnamespace::text = ANY (current_schemas(false)) AND grantee <> relowner
     ) lines ORDER BY line COLLATE "C"`,
  );
  return rows.map(({ line }) => String(line));
}

export async function tablesOf(database: Database): Promise<string[]> {
  const rows = await database.as(
    "superuser",
    `SELECT CASE schemaname WHEN 'public' THEN tablename ELSE schemaname || '.' || tablename END AS name
       FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) ORDER BY 1`,
  );
  return rows.map(({ name }) => String(name));
}

/** Columns and rows of pg_indexes (keys included) per table. */
export async function countsOf(database: Database): Promise<Record<string, { columns: number; indexes: number }>> {
  const rows = await database.as(
    "superuser",
    `SELECT tablename AS name,
            (SELECT count(*)::int FROM information_schema.columns c WHERE c.table_schema = schemaname AND c.table_name = tablename) AS columns,
            (SELECT count(*)::int FROM pg_indexes i WHERE i.schemaname = t.schemaname AND i.tablename = t.tablename) AS indexes
       FROM pg_tables t WHERE schemaname = ANY (current_schemas(false))`,
  );
  return Object.fromEntries(
    rows.map(({ name, columns, indexes }) => [String(name), { columns: Number(columns), indexes: Number(indexes) }]),
  );
}

/** Foreign keys whose columns are not the first columns of any whole, valid index: a delete on the other side would read the table. */
export async function unindexedForeignKeys(database: Database): Promise<string[]> {
  const rows = await database.as(
    "superuser",
    `SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) AS key FROM pg_constraint
      WHERE contype = 'f' AND connamespace = ANY (SELECT oid FROM pg_namespace WHERE nspname = ANY (current_schemas(false)))
        AND NOT EXISTS (
          SELECT FROM pg_index WHERE indrelid = conrelid AND indisvalid AND indpred IS NULL
             AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey)`,
  );
  return rows.map(({ key }) => String(key));
}

/** Invalid indexes and constraints that were never validated. */
export async function unfinished(database: Database): Promise<string[]> {
  const rows = await database.as(
    "superuser",
    `SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)
     UNION ALL SELECT conname FROM pg_constraint WHERE NOT convalidated`,
  );
  return rows.map(({ name }) => String(name));
}

/** Index names in the plan of a query. */
export async function indexesUsed(
  run: (sql: string) => Promise<{ rows: Record<string, unknown>[] } | Record<string, unknown>[]>,
  query: string,
): Promise<string[]> {
  const answer = await run(`EXPLAIN (FORMAT JSON, COSTS OFF) ${query}`);
  const [row] = Array.isArray(answer) ? answer : answer.rows;
  const names = JSON.stringify(row).matchAll(/"Index Name":\s*"([^"]+)"/g);
  return [...new Set([...names].map(([, name]) => String(name)))].sort();
}
