/**
 * Whether a role reads everything that a dump should contain. With row-level security, pg_dump fails, or with --enable-row-security succeeds and
 * leaves out the rows that the role does not see.
 */
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Session } from "../../postdeploy/connect/session.ts";

export interface Readability {
  /** pg_dump needs --enable-row-security: policies apply to the role, and each shows it every row. */
  readonly underPolicies: boolean;
}

/** @throws Failure that lists what the role cannot read, with the statements that an administrator runs */
export async function checkReadable(session: Session): Promise<Readability> {
  const [{ role, bypasses } = { role: "", bypasses: false }] = await session.query<{ role: string; bypasses: boolean }>(
    "SELECT rolname AS role, rolsuper OR rolbypassrls AS bypasses FROM pg_roles WHERE rolname = current_user",
  );
  const names = async (sql: string) => (await session.query<{ name: string }>(sql)).map(({ name }) => name);
  const denied = await names(DENIED);
  const hidden = bypasses ? [] : await names(HIDDEN);
  const objects = await names(LARGE_OBJECTS);
  const problems = [
    ...(denied.length === 0 ? [] : [`It may not read ${list(denied)}. Run the roles step, or: GRANT SELECT ON … TO ${role}`]),
    ...(hidden.length === 0
      ? []
      : [
          `Row-level security hides rows of ${list(hidden)} from it. As the owner: CREATE POLICY complete_backup ON … FOR SELECT TO ${role} USING (true)`,
        ]),
    ...(objects.length === 0
      ? []
      : [
          `It may not read ${objects.length} large objects, such as ${list(objects.slice(0, 3))}. As their owner: GRANT SELECT ON LARGE OBJECT … TO ${role}`,
        ]),
  ];
  if (problems.length > 0)
    throw new Failure("unreadable", 1, [`A backup by ${role} would be incomplete, so none was made.`, ...problems].join("\n"));
  const [{ count } = { count: 0 }] = bypasses ? [] : await session.query<{ count: number }>(APPLYING);
  return { underPolicies: count > 0 };
}

const list = (names: readonly string[]): string =>
  names.length > 10 ? `${names.slice(0, 10).join(", ")} and ${names.length - 10} more` : names.join(", ");

const USER_SCHEMAS = "nspname !~ '^pg_' AND nspname <> 'information_schema'";
const NAME = "quote_ident(nspname) || '.' || quote_ident(relname) AS name";
const RELATIONS = "pg_class c JOIN pg_namespace n ON n.oid = relnamespace";

const DENIED = `SELECT ${NAME} FROM ${RELATIONS} WHERE relkind IN ('r', 'p', 'S') AND relpersistence <> 't' AND ${USER_SCHEMAS}
  AND (NOT has_schema_privilege(n.oid, 'USAGE') OR NOT CASE relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT') ELSE has_table_privilege(c.oid, 'SELECT') END) ORDER BY 1`;

/** row_security_active() is true if policies apply to the current role. */
const APPLYING = `SELECT count(*)::int AS count FROM ${RELATIONS} WHERE relkind IN ('r', 'p') AND ${USER_SCHEMAS} AND row_security_active(c.oid)`;

const APPLIES = "EXISTS (SELECT FROM unnest(p.polroles) role WHERE role = 0 OR pg_has_role(role, 'USAGE')) AND p.polcmd IN ('r', '*')";
const HIDDEN = `SELECT ${NAME} FROM ${RELATIONS} WHERE relkind IN ('r', 'p') AND ${USER_SCHEMAS} AND row_security_active(c.oid)
  AND (NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND pg_get_expr(p.polqual, p.polrelid) = 'true' AND ${APPLIES})
    OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive AND pg_get_expr(p.polqual, p.polrelid) <> 'true' AND ${APPLIES})) ORDER BY 1`;

const LARGE_OBJECTS = `SELECT o.oid::text AS name FROM pg_largeobject_metadata o, pg_roles r WHERE r.rolname = current_user AND NOT r.rolsuper
  AND NOT pg_has_role(lomowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM aclexplode(lomacl) WHERE privilege_type = 'SELECT' AND (grantee = 0 OR pg_has_role(grantee, 'USAGE'))) ORDER BY o.oid`;
