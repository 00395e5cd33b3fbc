/** Row-level security and privileges that do not protect what they seem to. The ids of Supabase's splinter are in docs/doctor.md. */
import { identifier } from "../../../postdeploy/connect/quote.ts";
import type { Finding } from "../finding.ts";
import { FUNCTION_NOT_OF_EXTENSION, NOT_OF_EXTENSION } from "./catalog.ts";
import type { Check, Examiner } from "./subject.ts";

export const securityChecks: readonly Check[] = [
  { name: "row-level security", run: findRowSecurity },
  { name: "policies", run: findPolicies },
  { name: "overlapping policies", run: findOverlappingPolicies },
  { name: "views", run: findViews },
  { name: "views of the owner", run: findOwnerViews },
  { name: "functions", run: findFunctions },
  { name: "schemas", run: findWritableSchemas },
  { name: "privileges of PUBLIC", run: findPublicTables },
];

const NAME = `format('%I.%I', n.nspname, t.relname)`;

async function findRowSecurity({ session, schemas }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string; enabled: boolean; policies: string[] }>(
    `SELECT ${NAME} AS "table", t.relrowsecurity AS enabled, array_remove(array_agg(p.polname::text ORDER BY p.polname), NULL) AS policies
       FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace LEFT JOIN pg_policy p ON p.polrelid = t.oid
      WHERE t.relkind IN ('r', 'p') AND n.nspname = ANY ($1) AND ${NOT_OF_EXTENSION("t")}
      GROUP BY 1, 2 HAVING t.relrowsecurity <> (count(p.oid) > 0) ORDER BY 1`,
    [schemas],
  );
  return found.map(
    ({ table, enabled, policies }): Finding =>
      enabled
        ? {
            id: "rls-without-policy",
            severity: "warning",
            subject: `table ${table}`,
            evidence: "Row-level security is enabled, and there is no policy: only its owner and roles with BYPASSRLS see any row.",
            next: {
              text: "Create the policies that are missing. If no other role is to see a row, declare that:",
              sql: [`CREATE POLICY no_row ON ${table} USING (false)`],
            },
          }
        : {
            id: "rls-disabled",
            severity: "error",
            subject: `table ${table}`,
            evidence: `It has policies (${policies.join(", ")}), and row-level security is disabled: they have no effect, and every role with SELECT sees every row.`,
            next: { text: "Enable it.", sql: [`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`] },
          },
  );
}

interface PolicyRow extends Record<string, unknown> {
  readonly table: string;
  readonly name: string;
  readonly command: string;
  readonly roles: string;
  readonly open: boolean;
  readonly perRow: boolean;
  /** Of USING and of WITH CHECK. */
  readonly reads: string | null;
  readonly writes: string | null;
}

const COMMANDS = "CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END";
const TRUE = `IN ('true', '(true)', '(1 = 1)', '((1 = 1))', '1 = 1')`;

/** For SELECT, a policy that is always true is a common way to publish a table. */
async function findPolicies({ session, schemas, all }: Examiner): Promise<Finding[]> {
  const found = await session.query<PolicyRow>(
    `WITH policies AS (
       SELECT ${NAME} AS "table", quote_ident(p.polname) AS name, ${COMMANDS} AS command,
              CASE WHEN p.polroles = '{0}' THEN 'PUBLIC' ELSE (SELECT string_agg(quote_ident(r.rolname), ', ') FROM pg_roles r WHERE r.oid = ANY (p.polroles)) END AS roles,
              pg_get_expr(p.polqual, p.polrelid) AS reads, pg_get_expr(p.polwithcheck, p.polrelid) AS writes, p.polpermissive AS permissive
         FROM pg_policy p JOIN pg_class t ON t.oid = p.polrelid JOIN pg_namespace n ON n.oid = t.relnamespace
        WHERE n.nspname = ANY ($1) AND t.relrowsecurity AND ${NOT_OF_EXTENSION("t")})
     SELECT *, permissive AND command <> 'SELECT' AND (coalesce(lower(reads), '') ${TRUE} OR coalesce(lower(writes), '') ${TRUE}
                OR command = 'INSERT' AND writes IS NULL OR command <> 'INSERT' AND reads IS NULL) AS open,
            regexp_replace(lower(coalesce(reads, '') || ' ' || coalesce(writes, '')), 'select current_setting', '', 'g') ~ 'current_setting\\(' AS "perRow"
       FROM policies ORDER BY 1, 2`,
    [schemas],
  );
  return found.flatMap(({ table, name, command, roles, open, perRow, reads, writes }): Finding[] => [
    ...(open
      ? [
          {
            id: "policy-always-true",
            severity: "warning" as const,
            subject: `policy ${name} of ${table}`,
            evidence: `For ${command} by ${roles}, its condition is always true: it hides no row, and permissive policies are combined with OR, so no other one does.`,
            next: {
              text: "Replace it with one that names the rows. Without it, these roles change no row unless another policy allows it.",
              sql: [`DROP POLICY ${name} ON ${table}`],
            },
          },
        ]
      : []),
    ...(perRow && all
      ? [
          {
            id: "policy-evaluated-per-row",
            severity: "info" as const,
            subject: `policy ${name} of ${table}`,
            evidence: `It calls current_setting() for each row: ${reads ?? writes}`,
            next: {
              text: "Wrap the call in a subquery, which Postgres evaluates once.",
              sql: [alterPolicy(name, table, reads, writes)],
            },
          },
        ]
      : []),
  ]);
}

/** Each permissive policy of a command is evaluated for each row. Only with --all: policies of their own are easier to read. */
async function findOverlappingPolicies({ session, schemas, all }: Examiner): Promise<Finding[]> {
  if (!all) return [];
  const found = await session.query<{ table: string; command: string; policies: string[]; roles: string[] }>(
    `SELECT "table", command, array_agg(DISTINCT policy ORDER BY policy) AS policies, array_agg(DISTINCT role) AS roles FROM (
       SELECT "table", command, role, unnest(array_agg(name)) AS policy FROM (
         SELECT ${NAME} AS "table", c.command, quote_ident(p.polname) AS name, CASE r.role WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r.role)::text END AS role
           FROM pg_policy p JOIN pg_class t ON t.oid = p.polrelid JOIN pg_namespace n ON n.oid = t.relnamespace, unnest(p.polroles) r(role),
                unnest(CASE p.polcmd WHEN '*' THEN ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] ELSE ARRAY[${COMMANDS}] END) c(command)
          WHERE p.polpermissive AND t.relrowsecurity AND n.nspname = ANY ($1) AND ${NOT_OF_EXTENSION("t")}) policies
        GROUP BY 1, 2, 3 HAVING count(*) > 1) repeated
      GROUP BY 1, 2 ORDER BY 1, 2`,
    [schemas],
  );
  return found.map(({ table, command, policies: [first, ...others], roles }) => ({
    id: "policies-overlap",
    severity: "info",
    subject: `policies of ${table}`,
    evidence: `For ${command} by ${roles.join(", ")}, Postgres evaluates ${[first, ...others].join(" and ")} for each row.`,
    next: {
      text: `Combine their conditions in ${first} with OR, then drop the others.`,
      sql: others.map((name) => `DROP POLICY ${name} ON ${table}`),
    },
  }));
}

const CALL = /current_setting\((?:[^()]|\([^()]*\))*\)/gi;

function alterPolicy(name: string, table: string, reads: string | null, writes: string | null): string {
  const wrap = (text: string) => text.replace(CALL, (call) => `(SELECT ${call})`);
  return `ALTER POLICY ${name} ON ${table}${reads === null ? "" : ` USING (${wrap(reads)})`}${writes === null ? "" : ` WITH CHECK (${wrap(writes)})`}`;
}

interface ViewRow extends Record<string, unknown> {
  readonly view: string;
  readonly kind: string;
  readonly owner: string;
  readonly tables: readonly string[];
  readonly readers: readonly string[];
}

/** A view reads with the privileges of its owner, and a policy does not apply to the owner of a table. */
async function findViews({ session, schemas }: Examiner): Promise<Finding[]> {
  const found = await session.query<ViewRow>(
    `WITH RECURSIVE reads AS (
       SELECT r.ev_class AS view, d.refobjid AS relation FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
          AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class WHERE d.deptype = 'n'),
     all_reads AS (SELECT view, relation FROM reads UNION SELECT a.view, r.relation FROM all_reads a JOIN reads r ON r.view = a.relation)
     SELECT format('%I.%I', n.nspname, v.relname) AS view, v.relkind::text AS kind, o.rolname AS owner,
            array_agg(DISTINCT format('%I.%I', tn.nspname, t.relname)) AS tables,
            array(SELECT DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END
                    FROM aclexplode(v.relacl) x WHERE x.privilege_type = 'SELECT' AND x.grantee <> v.relowner ORDER BY 1) AS readers
       FROM all_reads a JOIN pg_class v ON v.oid = a.view JOIN pg_namespace n ON n.oid = v.relnamespace JOIN pg_roles o ON o.oid = v.relowner
            JOIN pg_class t ON t.oid = a.relation AND t.relkind IN ('r', 'p') AND t.relrowsecurity JOIN pg_namespace tn ON tn.oid = t.relnamespace
      WHERE v.relkind IN ('v', 'm') AND n.nspname = ANY ($1) AND ${NOT_OF_EXTENSION("v")}
        AND NOT EXISTS (SELECT FROM pg_options_to_table(v.reloptions) x WHERE x.option_name = 'security_invoker' AND x.option_value IN ('true', 'on', 'yes', '1'))
        AND (v.relkind = 'm' OR o.rolsuper OR o.rolbypassrls OR pg_has_role(o.oid, t.relowner, 'USAGE') AND NOT t.relforcerowsecurity)
      GROUP BY v.oid, n.nspname, v.relname, v.relkind, o.rolname, v.relacl, v.relowner ORDER BY 1`,
    [schemas],
  );
  return found.map(({ view, kind, owner, tables, readers }): Finding => {
    const isMaterialized = kind === "m";
    return {
      id: isMaterialized ? "materialized-view-exposes-rows" : "view-bypasses-rls",
      severity: readers.length > 0 ? "error" : "warning",
      subject: `${isMaterialized ? "materialized view" : "view"} ${view}`,
      evidence: isMaterialized
        ? `It holds rows of ${tables.join(", ")}, whose policies do not apply to the copy. ${describeReaders(readers)}`
        : `It reads ${tables.join(", ")} as ${owner}, and the policies do not apply to that role. ${describeReaders(readers)}`,
      next: isMaterialized
        ? readers.length > 0
          ? {
              text: "Revoke it, and publish a view with its own condition.",
              sql: readers.map((reader) => revoke(`SELECT ON ${view}`, reader)),
            }
          : { text: "Drop it, or exclude the protected rows from it.", sql: [`DROP MATERIALIZED VIEW ${view}`] }
        : { text: "Let it read as the role that queries it.", sql: [`ALTER VIEW ${view} SET (security_invoker = true)`] },
    };
  });
}

/** Only with --all: without row-level security, a view of the owner is a way to grant some columns or rows. */
async function findOwnerViews({ session, schemas, all }: Examiner): Promise<Finding[]> {
  if (!all) return [];
  const found = await session.query<{ view: string; owner: string; readers: string[] }>(
    `SELECT format('%I.%I', n.nspname, t.relname) AS view, pg_get_userbyid(t.relowner)::text AS owner,
            array_agg(DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END) AS readers
       FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace, aclexplode(t.relacl) x
      WHERE t.relkind = 'v' AND n.nspname = ANY ($1) AND x.privilege_type = 'SELECT' AND x.grantee <> t.relowner AND ${NOT_OF_EXTENSION("t")}
        AND NOT EXISTS (SELECT FROM pg_options_to_table(t.reloptions) o WHERE o.option_name = 'security_invoker' AND o.option_value IN ('true', 'on', 'yes', '1'))
      GROUP BY t.oid, n.nspname, t.relname, t.relowner ORDER BY 1`,
    [schemas],
  );
  return found.map(({ view, owner, readers }) => ({
    id: "view-runs-as-owner",
    severity: "info",
    subject: `view ${view}`,
    evidence: `${readers.join(", ")} can read it, and it reads its tables as ${owner}.`,
    next: {
      text: "If its readers may read the tables themselves, let it read as them.",
      sql: [`ALTER VIEW ${view} SET (security_invoker = true)`],
    },
  }));
}

const describeReaders = (readers: readonly string[]): string =>
  readers.length === 0 ? "No other role can read it yet." : `${readers.join(", ")} can read it.`;

const revoke = (what: string, from: string): string => `REVOKE ${what} FROM ${from === "PUBLIC" ? from : identifier(from)}`;

interface FunctionRow extends Record<string, unknown> {
  readonly name: string;
  readonly definer: boolean;
  readonly hasPath: boolean;
  readonly owner: string;
  readonly isPublic: boolean;
}

/** A function with SECURITY DEFINER runs with the rights of its owner: a caller with a search_path of its own chooses which tables it reads. */
async function findFunctions({ session, schemas, all }: Examiner): Promise<Finding[]> {
  const found = await session.query<FunctionRow>(
    `SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS name, p.prosecdef AS definer, o.rolname AS owner,
            EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%') AS "hasPath",
            EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x WHERE x.grantee = 0 AND x.privilege_type = 'EXECUTE') AS "isPublic"
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles o ON o.oid = p.proowner
      WHERE n.nspname = ANY ($1) AND p.prokind IN ('f', 'p') AND ${FUNCTION_NOT_OF_EXTENSION("p")} ORDER BY 1`,
    [schemas],
  );
  return found.flatMap(({ name, definer, hasPath, owner, isPublic }): Finding[] => [
    ...(hasPath || !(definer || all)
      ? []
      : [
          {
            id: "function-search-path",
            severity: definer ? ("error" as const) : ("info" as const),
            subject: `function ${name}`,
            evidence: definer
              ? `It runs with the rights of ${owner} (SECURITY DEFINER) and the search_path of its caller, who can put tables and functions of their own in front.`
              : "It has no search_path of its own, so its result depends on that of the caller.",
            next: {
              text: "Fix its search_path to the schemas that it uses.",
              sql: [`ALTER ROUTINE ${name} SET search_path = ${schemas.map(identifier).join(", ")}, pg_temp`],
            },
          },
        ]),
    ...(definer && isPublic
      ? [
          {
            id: "function-public",
            severity: "warning" as const,
            subject: `function ${name}`,
            evidence: `Every role may call it, and it runs with the rights of ${owner} (SECURITY DEFINER): policies do not apply inside it.`,
            next: { text: "Revoke it, and grant it to the roles that need it.", sql: [`REVOKE EXECUTE ON ROUTINE ${name} FROM PUBLIC`] },
          },
        ]
      : []),
  ]);
}

async function findWritableSchemas({ session, schemas }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ schema: string }>(
    `SELECT quote_ident(n.nspname) AS schema FROM pg_namespace n, aclexplode(n.nspacl) x
      WHERE n.nspname = ANY ($1) AND x.grantee = 0 AND x.privilege_type = 'CREATE' ORDER BY 1`,
    [[...new Set([...schemas, "public"])]],
  );
  return found.map(({ schema }) => ({
    id: "schema-writable",
    severity: "error",
    subject: `schema ${schema}`,
    evidence:
      "Every role can create objects in it: a function or table of the right name is used instead of yours by every role with this schema in its search_path.",
    next: { text: "Revoke it.", sql: [`REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC`] },
  }));
}

async function findPublicTables({ session, schemas }: Examiner): Promise<Finding[]> {
  const found = await session.query<{ table: string; privileges: string[] }>(
    `SELECT ${NAME} AS "table", array_agg(DISTINCT x.privilege_type ORDER BY x.privilege_type) AS privileges
       FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace, aclexplode(t.relacl) x
      WHERE t.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = ANY ($1) AND x.grantee = 0 AND ${NOT_OF_EXTENSION("t")} GROUP BY 1 ORDER BY 1`,
    [schemas],
  );
  return found.map(({ table, privileges }) => ({
    id: "table-public",
    severity: "error",
    subject: `table ${table}`,
    evidence: `Every role that can connect has ${privileges.join(", ")} on it.`,
    next: { text: "Revoke it.", sql: [`REVOKE ALL ON ${table} FROM PUBLIC`] },
  }));
}
