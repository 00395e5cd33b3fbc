/** The changes that a mutation run makes to a product's schema: it removes one object, or one right, after the migrations ran. */
import type { Database } from "../sql/database.ts";
import type { Mutant } from "./operators.ts";

const SCHEMAS = "current_schemas(false)";
const OWN_TABLES = `pg_class t WHERE t.relkind = 'r' AND t.relnamespace::regnamespace::text = ANY (${SCHEMAS})`;

/** Each query returns what is removed, and the statement that removes it. */
const QUERIES: readonly string[] = [
  `SELECT format('%s %s', t.oid::regclass, pg_get_constraintdef(c.oid)) AS what,
          format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', t.oid::regclass, c.conname) AS statement
     FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE c.contype IN ('c', 'f', 'u', 'p', 'x') AND c.connamespace::regnamespace::text = ANY (${SCHEMAS})`,
  `SELECT pg_get_indexdef(i.indexrelid) AS what, format('DROP INDEX %s', i.indexrelid::regclass) AS statement
     FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace::regnamespace::text = ANY (${SCHEMAS}) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)`,
  `SELECT format('%s.%I NOT NULL', t.oid::regclass, a.attname) AS what,
          format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', t.oid::regclass, a.attname) AS statement
     FROM pg_attribute a, ${OWN_TABLES} AND a.attrelid = t.oid AND a.attnum > 0 AND a.attnotnull AND a.attidentity = ''
      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))`,
  `SELECT format('%s.%I DEFAULT %s', t.oid::regclass, a.attname, pg_get_expr(d.adbin, d.adrelid)) AS what,
          format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', t.oid::regclass, a.attname) AS statement
     FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum, ${OWN_TABLES} AND t.oid = d.adrelid AND a.attgenerated = ''`,
  `SELECT format('policy %I on %s', p.polname, p.polrelid::regclass) AS what,
          format('DROP POLICY %I ON %s', p.polname, p.polrelid::regclass) AS statement FROM pg_policy p`,
  `SELECT format('row-level security of %s', t.oid::regclass) AS what,
          format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', t.oid::regclass) AS statement FROM ${OWN_TABLES} AND t.relrowsecurity`,
  `SELECT format('FORCE row-level security of %s', t.oid::regclass) AS what,
          format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', t.oid::regclass) AS statement FROM ${OWN_TABLES} AND t.relforcerowsecurity`,
  `SELECT pg_get_triggerdef(g.oid) AS what, format('DROP TRIGGER %I ON %s', g.tgname, g.tgrelid::regclass) AS statement
     FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid
    WHERE NOT g.tgisinternal AND t.relnamespace::regnamespace::text = ANY (${SCHEMAS})`,
  `SELECT format('SECURITY DEFINER of %s', p.oid::regprocedure) AS what, format('ALTER FUNCTION %s SECURITY INVOKER', p.oid::regprocedure) AS statement
     FROM pg_proc p WHERE p.prosecdef AND p.pronamespace::regnamespace::text = ANY (${SCHEMAS})`,
  `SELECT format('search_path of %s', p.oid::regprocedure) AS what, format('ALTER FUNCTION %s RESET search_path', p.oid::regprocedure) AS statement
     FROM pg_proc p WHERE p.proconfig::text LIKE '%search_path%' AND p.pronamespace::regnamespace::text = ANY (${SCHEMAS})`,
  `SELECT format('%s on %s to %s', a.privilege_type, p.oid::regprocedure, a.grantee::regrole) AS what,
          format('REVOKE %s ON FUNCTION %s FROM %s', a.privilege_type, p.oid::regprocedure, a.grantee::regrole) AS statement
     FROM pg_proc p, aclexplode(p.proacl) a
    WHERE a.grantee <> p.proowner AND a.grantee <> 0 AND p.pronamespace::regnamespace::text = ANY (${SCHEMAS})`,
  `SELECT format('EXECUTE on %s from PUBLIC', p.oid::regprocedure) AS what, format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', p.oid::regprocedure) AS statement
     FROM pg_proc p WHERE p.prosecdef AND p.pronamespace::regnamespace::text = ANY (${SCHEMAS})
      AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0)`,
  `SELECT format('%s on %s to %s', a.privilege_type, t.oid::regclass, a.grantee::regrole) AS what,
          format('REVOKE %s ON %s FROM %s', a.privilege_type, t.oid::regclass, a.grantee::regrole) AS statement
     FROM pg_class t, aclexplode(t.relacl) a
    WHERE t.relkind IN ('r', 'S', 'v', 'm') AND a.grantee <> t.relowner AND a.grantee <> 0 AND t.relnamespace::regnamespace::text = ANY (${SCHEMAS})`,
];

/** One mutant for each object and right of a migrated database. */
export async function schemaMutantsOf(system: string, database: Database): Promise<Mutant[]> {
  const found: Mutant[] = [];
  for (const query of QUERIES)
    for (const { what, statement } of await database.as("superuser", `${query} ORDER BY 1`))
      found.push({
        file: `sql/${system}`,
        line: 0,
        lineText: "",
        start: 0,
        end: 0,
        original: String(what),
        replacement: "",
        statement: String(statement),
      });
  return found;
}
