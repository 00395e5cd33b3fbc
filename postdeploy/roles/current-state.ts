/** Reads the current roles, objects and privileges of a database. The plan compares them with the required ones. */
import { literal } from "../connect/quote.ts";
import type { Session } from "../connect/session.ts";
import { DEFAULT_DATABASE, holdersOf, type ObjectKind, type RolesOptions } from "./privileges.ts";

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

/** The attributes of a role, which ALTER ROLE changes. */
export interface RoleAttributes {
  readonly superuser: boolean;
  readonly bypassRls: boolean;
  readonly createDb: boolean;
  readonly createRole: boolean;
  readonly replication: boolean;
  readonly login: boolean;
  readonly inherit: boolean;
  /** -1: none. */
  readonly connectionLimit: number;
  readonly validUntil: string | null;
  /** Whether the administrator may change the attributes. */
  readonly changeable: boolean;
}

/** A row of pg_db_role_setting: a value that every session of the role starts with. */
export interface RoleSetting {
  /** "" is every role that connects to the database. */
  readonly role: string;
  /** Whether it applies in all databases of the cluster. */
  readonly everywhere: boolean;
  readonly name: string;
  readonly value: string;
  /** Whether the administrator may reset it. */
  readonly resettable: boolean;
}

export interface Membership {
  /** The role whose privileges the member has. */
  readonly role: string;
  readonly member: string;
  readonly grantor: string;
  /** Whether the member may grant the role to others. */
  readonly admin: boolean;
  /** Whether the member has the privileges of the role, and may become it. */
  readonly full: boolean;
  /** Whether the member is a superuser or manages roles, as DigitalOcean's own do. */
  readonly memberManages: boolean;
  readonly revocable: boolean;
}

/** An object that a role other than the owner role owns: it can only be made with privileges that no declared role has. */
export interface ReaderObject {
  readonly role: string;
  /** "table public.items" */
  readonly object: string;
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
  /** The grants of the database that every cluster has, if the administrator owns it. */
  readonly defaultDatabase: readonly Grant[] | undefined;
  /** The roles that log in and that no superuser and no role of the system is. */
  readonly otherLogins: readonly string[];
  /** The existing roles by name. */
  readonly roles: ReadonlyMap<string, RoleAttributes>;
  /** Of the roles and of the database. */
  readonly settings: readonly RoleSetting[];
  /** In which a role of the system is the role or the member. */
  readonly memberships: readonly Membership[];
  /** In the whole database, without large objects. */
  readonly readerObjects: readonly ReaderObject[];
  readonly largeObjects: readonly { readonly role: string; readonly count: number }[];
  /** As which the step runs. */
  readonly administrator: string;
  /** The major version of the server. */
  readonly major: number;
  /** Tables with row-level security and no policy that shows all rows to the backup role. */
  readonly hidden: readonly string[];
}

export async function readCurrentState(session: Session, options: RolesOptions, ledger: string): Promise<CurrentState> {
  const { roles } = options;
  const names = holdersOf(roles).map(({ name }) => name);
  const schemas = [...options.schemas, ledger];
  const select = async <T>(text: string, values: readonly unknown[] = []): Promise<T[]> =>
    (await session.query(text, values)) as unknown as T[];

  const readers = names.filter((name) => name !== roles.owner);

  const { shared } = (await select<{ shared: boolean }>(SHARED, [names]))[0]!;
  // Settings of PL/pgSQL are known to a session, and so can be reset by it, once the language is loaded.
  await select("DO $$ BEGIN END $$");
  const inSystem = [schemas, roles.owner, names, shared];
  const { administrator, major } = (await select<{ administrator: string; major: number }>(SERVER))[0]!;

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
    defaultDatabase: (await select<{ grants: Grant[] | null }>(OF_DEFAULT_DATABASE, [DEFAULT_DATABASE])).map(
      ({ grants: list }) => list ?? [],
    )[0],
    otherLogins: (await select<{ name: string }>(OTHER_LOGINS, [names])).map(({ name }) => name),
    roles: new Map((await select<{ name: string } & RoleAttributes>(ROLES, [names])).map(({ name, ...role }) => [name, role])),
    settings: await select<RoleSetting>(SETTINGS, [names]),
    memberships: await select<Membership>(MEMBERSHIPS, [names]),
    readerObjects: await select<ReaderObject>(READER_OBJECTS, [readers]),
    largeObjects: await select<{ role: string; count: number }>(LARGE_OBJECTS, [readers]),
    administrator,
    major,
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

/** Given to the owner role, such a function would run whatever the role that wrote it wants, with the privileges of the owner role. */
const RUNS_AS_OWNER = "EXISTS (SELECT FROM pg_proc p WHERE d.classid = 'pg_proc'::regclass AND p.oid = d.objid AND p.prosecdef)";

/** Members of extensions stay as they are, and a sequence of a column follows its table. */
const DISPLACED = `
  SELECT CASE o.type WHEN 'statistics object' THEN 'STATISTICS' ELSE upper(o.type) END AS type, o.identity AS reference,
         pg_get_userbyid(d.refobjid) AS role, ${givenSql("d.refobjid", "o.schema")}
           AND NOT (pg_get_userbyid(d.refobjid) = ANY ($3) AND ${RUNS_AS_OWNER}) AS given
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

const OF_DEFAULT_DATABASE = `SELECT ${grantsSql("coalesce(datacl, acldefault('d', datdba))", "datdba")} AS grants
  FROM pg_database WHERE datname = $1 AND datname <> current_database() AND pg_has_role(current_user, datdba, 'USAGE')`;

const OTHER_LOGINS = `SELECT rolname AS name FROM pg_roles
  WHERE rolcanlogin AND NOT rolsuper AND rolname <> ALL ($1) AND rolname <> current_user ORDER BY 1`;

const SERVER = "SELECT current_user::text AS administrator, current_setting('server_version_num')::int / 10000 AS major";

const IS_SUPERUSER = "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)";
const MANAGES_ROLES = "(SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user)";
/** Until Postgres 15, a role with CREATEROLE manages every role that is no superuser. */
const MANAGES_ALL = `(${MANAGES_ROLES} AND current_setting('server_version_num')::int < 160000)`;

/** Until Postgres 15, only a superuser changes a role with REPLICATION. */
const ROLES = `
  SELECT rolname AS name, rolsuper AS superuser, rolbypassrls AS "bypassRls", rolcreatedb AS "createDb", rolcreaterole AS "createRole",
         rolreplication AS replication, rolcanlogin AS login, rolinherit AS inherit, rolconnlimit AS "connectionLimit",
         nullif(rolvaliduntil, 'infinity')::text AS "validUntil",
         ${IS_SUPERUSER} OR ${MANAGES_ALL} AND NOT rolreplication OR ${MANAGES_ROLES} AND NOT ${MANAGES_ALL}
           AND pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION') AS changeable
    FROM pg_roles r WHERE rolname = ANY ($1)`;

/** Postgres 16 and later do not reset them, though every role may still store them for itself. (transaction_deferrable cannot be stored.) */
export const NEVER_RESET: readonly string[] = ["seed", "transaction_isolation", "transaction_read_only"];

const listSql = (texts: readonly string[]): string => texts.map(literal).join(", ");

/** Postgres lists role and session_authorization in no view, though every role may set them. */
const SETTINGS = `
  SELECT CASE s.setrole WHEN 0 THEN '' ELSE pg_get_userbyid(s.setrole) END AS role, s.setdatabase = 0 AS everywhere, i.name, i.value,
         CASE WHEN i.name IN (${listSql(NEVER_RESET)}) THEN current_setting('server_version_num')::int < 160000
              ELSE i.name IN ('role', 'session_authorization') OR has_parameter_privilege(current_user, i.name, 'SET')
                OR EXISTS (SELECT FROM pg_settings known WHERE lower(known.name) = lower(i.name) AND known.context IN ('user', 'backend'))
              END AS resettable
    FROM pg_db_role_setting s, unnest(s.setconfig) item,
         LATERAL (SELECT split_part(item, '=', 1) AS name, substr(item, strpos(item, '=') + 1) AS value) i
   WHERE pg_get_userbyid(s.setrole) = ANY ($1) AND s.setdatabase = 0
      OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) AND (s.setrole = 0 OR pg_get_userbyid(s.setrole) = ANY ($1))
   ORDER BY 1, 2, 3`;

/**
 * Until Postgres 15, a membership has no options of its own. The administrator revokes one that it granted itself, or that a role granted whose privileges
 * it has.
 */
const MEMBERSHIPS = `
  SELECT r.rolname AS role, m.rolname AS member, pg_get_userbyid(a.grantor) AS grantor, a.admin_option AS admin,
         coalesce((to_jsonb(a) ->> 'inherit_option')::boolean, m.rolinherit)
           AND coalesce((to_jsonb(a) ->> 'set_option')::boolean, true) AS full,
         m.rolsuper OR m.rolcreaterole AND m.rolname <> ALL ($1) AS "memberManages",
         ${IS_SUPERUSER} OR NOT r.rolsuper AND (${MANAGES_ALL}
           OR pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION') AND pg_has_role(current_user, a.grantor, 'USAGE')) AS revocable
    FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
   WHERE (r.rolname = ANY ($1) OR m.rolname = ANY ($1)) AND m.rolname <> current_user
   ORDER BY 1, 2, 3`;

const READER_OBJECTS = `
  SELECT pg_get_userbyid(d.refobjid) AS role, o.type || ' ' || o.identity AS object
    FROM pg_shdepend d, pg_identify_object(d.classid, d.objid, 0) o
   WHERE d.deptype = 'o' AND d.refclassid = 'pg_authid'::regclass AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND pg_get_userbyid(d.refobjid) = ANY ($1) AND d.classid <> 'pg_largeobject'::regclass
     AND coalesce(o.schema, '') !~ '^pg_(toast_)?temp'
     AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype IN ('a', 'i') AND o.type = 'sequence')
   ORDER BY 1, 2`;

const LARGE_OBJECTS = `
  SELECT pg_get_userbyid(lomowner) AS role, count(*)::int AS count FROM pg_largeobject_metadata
   WHERE pg_get_userbyid(lomowner) = ANY ($1) GROUP BY 1 ORDER BY 1`;

const HIDDEN = `
  SELECT quote_ident(nspname) || '.' || quote_ident(relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
   WHERE relrowsecurity AND ${ownedSql("c.relowner", "nspname")}
     AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                       AND pg_get_expr(p.polqual, p.polrelid) = 'true' AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = $5
                            AND EXISTS (SELECT FROM unnest(p.polroles) role WHERE role <> 0 AND pg_has_role(r.oid, role, 'USAGE'))))
   ORDER BY 1`;
