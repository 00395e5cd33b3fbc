/** Reads the current roles, objects and privileges of a database. The plan compares them with the required ones. */
import type { Session } from "../connect/session.ts";
import type { ObjectKind, RolesOptions } from "./privileges.ts";

export interface Grant {
  /** "" is PUBLIC. */
  readonly grantee: string;
  readonly privilege: string;
}

/**
 * An object in a schema of the system that the administrator or another role of the system owns. DigitalOcean gives the objects of a deleted user to the
 * administrator, and the role that restores a database owns what it restores.
 */
export interface Displaced {
  /** As in ALTER: "MATERIALIZED VIEW". */
  readonly type: string;
  /** The SQL reference: quoted, a function with its argument types. */
  readonly reference: string;
  /** The role that owns it. */
  readonly role: string;
  /** Whether the owner role gets it: not if it may belong to another application, or if the administrator is no member of the role. */
  readonly given: boolean;
}

interface OwnedObject {
  readonly kind: ObjectKind;
  readonly schema: string;
  /** The SQL reference: quoted, a function with its argument types. */
  readonly reference: string;
  readonly grants: readonly Grant[];
  /** Whether privileges were granted or revoked on it. Otherwise it has the default privileges. */
  readonly hasAcl: boolean;
}

export interface CurrentState {
  readonly extensions: ReadonlySet<string>;
  /** The grants of each existing schema. */
  readonly schemas: ReadonlyMap<string, readonly Grant[]>;
  /** The owner's objects in the schemas of the system, and those that it gets. */
  readonly objects: readonly OwnedObject[];
  readonly displaced: readonly Displaced[];
  /** The default privileges of the owner, by "schema kind". The schema is empty for defaults that apply to all schemas. */
  readonly defaults: ReadonlyMap<string, readonly Grant[]>;
  readonly database: readonly Grant[];
  /** Whether other roles own objects in the database. Then the privileges of PUBLIC are not changed. */
  readonly shared: boolean;
  /** The existing roles by name. */
  readonly roles: ReadonlyMap<
    string,
    { readonly superuser: boolean; readonly bypassRls: boolean; readonly memberOf: readonly string[]; readonly settings: readonly string[] }
  >;
  /** Tables with row-level security and no policy that shows all rows to the backup role. */
  readonly hidden: readonly string[];
}

export async function readCurrentState(session: Session, options: RolesOptions, ledger: string): Promise<CurrentState> {
  const { roles } = options;
  const names = Object.values(roles);
  const schemas = [...options.schemas, ledger];
  const select = async <T>(text: string, values: readonly unknown[] = []): Promise<T[]> =>
    (await session.query(text, values)) as unknown as T[];

  const { shared } = (await select<{ shared: boolean }>(SHARED, [names]))[0]!;
  const inSystem = [schemas, roles.owner, names, shared];

  const grants = (rows: readonly { key: string; grants: Grant[] | null }[]) =>
    new Map(rows.map(({ key, grants: list }) => [key, list ?? []]));
  return {
    shared,
    displaced: await select<Displaced>(DISPLACED, inSystem),
    extensions: new Set((await select<{ extname: string }>("SELECT extname FROM pg_extension")).map(({ extname }) => extname)),
    schemas: grants(await select(SCHEMAS, [schemas])),
    objects: await select<OwnedObject>(OBJECTS, inSystem),
    defaults: grants(await select(DEFAULTS, [roles.owner])),
    database: (await select<{ grants: Grant[] | null }>(DATABASE))[0]!.grants ?? [],
    roles: new Map(
      (await select<{ name: string } & NonNullable<ReturnType<CurrentState["roles"]["get"]>>>(ROLES, [names])).map(({ name, ...role }) => [
        name,
        role,
      ]),
    ),
    hidden: (await select<{ name: string }>(HIDDEN, [...inSystem, roles.backup])).map(({ name }) => name),
  };
}

/** @param owner Its own privileges are left out: a new owner gets them. */
const grantsSql = (acl: string, owner = "NULL::oid") => `
  (SELECT json_agg(json_build_object('grantee', CASE g.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(g.grantee) END, 'privilege', g.privilege_type)
          ORDER BY g.grantee, g.privilege_type) FROM aclexplode(${acl}) g WHERE g.grantee IS DISTINCT FROM ${owner})`;

/** In a shared database, what the administrator owns in schema public may belong to another application. */
const givenSql = (owner: string, schema: string) => `
  pg_has_role(current_user, ${owner}, 'USAGE')
  AND (pg_get_userbyid(${owner}) = ANY ($3) OR pg_get_userbyid(${owner}) = current_user AND NOT ($4 AND ${schema} = 'public'))`;

/** Parameters: schemas, the owner role, all roles, whether the database is shared. */
const ownedSql = (owner: string, schema: string) =>
  `${schema} = ANY ($1) AND (pg_get_userbyid(${owner}) = $2 OR ${givenSql(owner, schema)})`;

/** Members of extensions stay as they are, and a sequence of a column follows its table. */
const DISPLACED = `
  SELECT CASE o.type WHEN 'statistics object' THEN 'STATISTICS' ELSE upper(o.type) END AS type, o.identity AS reference,
         pg_get_userbyid(d.refobjid) AS role, ${givenSql("d.refobjid", "o.schema")} AS given
    FROM pg_shdepend d, pg_identify_object(d.classid, d.objid, 0) o
   WHERE d.deptype = 'o' AND d.refclassid = 'pg_authid'::regclass AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND o.schema = ANY ($1) AND pg_get_userbyid(d.refobjid) <> $2
     AND (pg_get_userbyid(d.refobjid) = ANY ($3) OR pg_get_userbyid(d.refobjid) = current_user)
     AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid
                       AND (e.deptype = 'e' OR e.deptype IN ('a', 'i') AND o.type = 'sequence' AND e.refclassid = 'pg_class'::regclass))
   ORDER BY o.schema, o.identity`;

const SHARED = `
  SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
              AND o.rolname <> ALL ($1) AND o.rolname <> current_user
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')) AS shared`;

const SCHEMAS = `SELECT nspname AS key, ${grantsSql("coalesce(nspacl, acldefault('n', nspowner))")} AS grants FROM pg_namespace WHERE nspname = ANY ($1)`;

const OBJECTS = `
  SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind, nspname AS schema,
         quote_ident(nspname) || '.' || quote_ident(relname) AS reference,
         coalesce(${grantsSql("coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r'::\"char\" END, relowner))", "relowner")}, '[]') AS grants, relacl IS NOT NULL AS "hasAcl"
    FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
   WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${ownedSql("relowner", "nspname")}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = pg_class.oid AND d.deptype = 'e')
  UNION ALL
  SELECT 'function', nspname, p.oid::regprocedure::text, coalesce(${grantsSql("coalesce(proacl, acldefault('f', proowner))", "proowner")}, '[]'), proacl IS NOT NULL
    FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
   WHERE prokind IN ('f', 'w') AND ${ownedSql("proowner", "nspname")}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
   ORDER BY 2, 3`;

const DEFAULTS = `
  SELECT coalesce(nspname, '') || ' ' || CASE defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'function' ELSE 'other' END AS key,
         ${grantsSql("defaclacl")} AS grants
    FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace
   WHERE pg_get_userbyid(defaclrole) = $1`;

const DATABASE = `SELECT ${grantsSql("coalesce(datacl, acldefault('d', datdba))")} AS grants FROM pg_database WHERE datname = current_database()`;

const ROLES = `
  SELECT rolname AS name, rolsuper AS superuser, rolbypassrls AS "bypassRls",
         coalesce((SELECT json_agg(pg_get_userbyid(roleid)) FROM pg_auth_members WHERE member = r.oid), '[]') AS "memberOf",
         coalesce((SELECT to_json(setconfig) FROM pg_db_role_setting WHERE setrole = r.oid
                    AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())), '[]') AS settings
    FROM pg_roles r WHERE rolname = ANY ($1)`;

const HIDDEN = `
  SELECT quote_ident(nspname) || '.' || quote_ident(relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
   WHERE relrowsecurity AND ${ownedSql("c.relowner", "nspname")}
     AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                       AND pg_get_expr(p.polqual, p.polrelid) = 'true' AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = $5
                            AND EXISTS (SELECT FROM unnest(p.polroles) role WHERE role <> 0 AND pg_has_role(r.oid, role, 'USAGE'))))
   ORDER BY 1`;
