/** What stands in the database now: read in one go, so that the plan of a change is a comparison and nothing else. */
import type { Session } from "../connect/session.ts";
import type { ObjectKind, RolesOptions } from "./wanted.ts";

export interface Grant {
  /** "" is PUBLIC. */
  readonly grantee: string;
  readonly privilege: string;
}

export interface Thing {
  readonly kind: ObjectKind;
  readonly schema: string;
  /** As it is written in a statement: quoted, a function with its arguments. */
  readonly reference: string;
  readonly grants: readonly Grant[];
  /** Whether anybody ever granted or revoked something on it; else it has what Postgres gives by itself. */
  readonly decided: boolean;
}

export interface Present {
  readonly version: number;
  readonly me: string;
  readonly extensions: ReadonlySet<string>;
  /** Schema to who may do what with it; absent: it is not there. */
  readonly schemas: ReadonlyMap<string, readonly Grant[]>;
  /** The owner's objects in the system's schemas; those of anybody else are not looked at. */
  readonly things: readonly Thing[];
  /** "schema kind" to the rights that the owner's next object there will carry; "" for no schema. */
  readonly defaults: ReadonlyMap<string, readonly Grant[]>;
  readonly database: readonly Grant[];
  /** Whether somebody else owns something here: then the database is shared, and its doors are not ours to close. */
  readonly shared: boolean;
  /** By role name; absent: there is no such role. */
  readonly roles: ReadonlyMap<
    string,
    { readonly superuser: boolean; readonly bypassRls: boolean; readonly memberOf: readonly string[]; readonly settings: readonly string[] }
  >;
  /** Tables that hide rows even from their owner, and whether a policy shows them all to the backup role. */
  readonly hidden: readonly string[];
}

export async function readPresent(session: Session, options: RolesOptions, ledger: string): Promise<Present> {
  const { roles } = options;
  const names = Object.values(roles);
  const schemas = [...options.schemas, ledger];
  const one = async <T>(text: string, values: readonly unknown[] = []): Promise<T[]> =>
    (await session.query(text, values)) as unknown as T[];

  const [about] = await one<{ version: number; me: string; shared: boolean }>(ABOUT, [names]);
  const grants = (rows: readonly { key: string; grants: Grant[] | null }[]) =>
    new Map(rows.map(({ key, grants: held }) => [key, held ?? []]));
  return {
    version: about!.version,
    me: about!.me,
    shared: about!.shared,
    extensions: new Set((await one<{ extname: string }>("SELECT extname FROM pg_extension")).map(({ extname }) => extname)),
    schemas: grants(await one(SCHEMAS, [schemas])),
    things: await one<Thing>(THINGS, [schemas, roles.owner]),
    defaults: grants(await one(DEFAULTS, [roles.owner])),
    database: (await one<{ grants: Grant[] | null }>(DATABASE))[0]!.grants ?? [],
    roles: new Map(
      (await one<{ name: string } & NonNullable<ReturnType<Present["roles"]["get"]>>>(ROLES, [names])).map(({ name, ...role }) => [
        name,
        role,
      ]),
    ),
    hidden: (await one<{ name: string }>(HIDDEN, [schemas, roles.owner, roles.backup])).map(({ name }) => name),
  };
}

const held = (acl: string) => `
  (SELECT json_agg(json_build_object('grantee', CASE g.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(g.grantee) END, 'privilege', g.privilege_type)
          ORDER BY g.grantee, g.privilege_type) FROM aclexplode(${acl}) g)`;

const ABOUT = `
  SELECT current_setting('server_version_num')::int / 10000 AS version, current_user AS me,
    EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
              AND o.rolname <> ALL ($1) AND o.rolname <> current_user
              AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')) AS shared`;

const SCHEMAS = `SELECT nspname AS key, ${held("coalesce(nspacl, acldefault('n', nspowner))")} AS grants FROM pg_namespace WHERE nspname = ANY ($1)`;

const THINGS = `
  SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind, nspname AS schema,
         quote_ident(nspname) || '.' || quote_ident(relname) AS reference,
         coalesce(${held("coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r'::\"char\" END, relowner))")}, '[]') AS grants, relacl IS NOT NULL AS decided
    FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
   WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND nspname = ANY ($1) AND pg_get_userbyid(relowner) = $2
  UNION ALL
  SELECT 'function', nspname, p.oid::regprocedure::text, coalesce(${held("coalesce(proacl, acldefault('f', proowner))")}, '[]'), proacl IS NOT NULL
    FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
   WHERE prokind IN ('f', 'w') AND nspname = ANY ($1) AND pg_get_userbyid(proowner) = $2
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
   ORDER BY 2, 3`;

const DEFAULTS = `
  SELECT coalesce(nspname, '') || ' ' || CASE defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'function' ELSE 'other' END AS key,
         ${held("defaclacl")} AS grants
    FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace
   WHERE pg_get_userbyid(defaclrole) = $1`;

const DATABASE = `SELECT ${held("coalesce(datacl, acldefault('d', datdba))")} AS grants FROM pg_database WHERE datname = current_database()`;

const ROLES = `
  SELECT rolname AS name, rolsuper AS superuser, rolbypassrls AS "bypassRls",
         coalesce((SELECT json_agg(pg_get_userbyid(roleid)) FROM pg_auth_members WHERE member = r.oid), '[]') AS "memberOf",
         coalesce((SELECT to_json(setconfig) FROM pg_db_role_setting WHERE setrole = r.oid
                    AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())), '[]') AS settings
    FROM pg_roles r WHERE rolname = ANY ($1)`;

const HIDDEN = `
  SELECT quote_ident(nspname) || '.' || quote_ident(relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
   WHERE relrowsecurity AND nspname = ANY ($1) AND pg_get_userbyid(relowner) = $2
     AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                       AND pg_get_expr(p.polqual, p.polrelid) = 'true' AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = $3
                            AND EXISTS (SELECT FROM unnest(p.polroles) role WHERE role <> 0 AND pg_has_role(r.oid, role, 'USAGE'))))
   ORDER BY 1`;
