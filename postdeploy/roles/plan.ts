/** From what stands to what is wanted, as statements. Nothing to do is an empty list: a second run changes nothing. */
import { Failure } from "../connect/failure.ts";
import { checkedName, identifier, literal } from "../connect/quote.ts";
import type { Grant, Present } from "./present.ts";
import { KEYWORD, LEDGER_PRIVILEGES, type ObjectKind, PRIVILEGES, type RoleKind, type RolesOptions } from "./wanted.ts";

export interface RolesPlan {
  readonly statements: readonly string[];
  /** What could not be had, and why. */
  readonly notices: readonly string[];
}

const KINDS = Object.keys(PRIVILEGES) as ObjectKind[];
const READERS: readonly RoleKind[] = ["runtime", "readonly", "backup"];

export function planRoles(options: RolesOptions, ledger: string, present: Present): RolesPlan {
  refuseUnfit(options, present);
  return {
    statements: [
      ...extensions(options, present),
      ...schemas(options, ledger, present),
      ...doors(options, present),
      ...memberships(options, present),
      ...defaults(options, ledger, present),
      ...objects(options, ledger, present),
      ...settings(options, present),
    ],
    notices: notices(options, present),
  };
}

function refuseUnfit({ roles, schemas: wanted, database }: RolesOptions, present: Present): void {
  checkedName(database, "database");
  for (const schema of wanted) checkedName(schema, "schema");
  const missing = Object.values(roles).filter((role) => !present.roles.has(checkedName(role, "role")));
  if (missing.length > 0)
    throw new Failure(
      "no-role",
      2,
      `The cluster has no user ${missing.join(", ")}. They are made through DigitalOcean's API, so that their passwords can be referred to: run \`pulumi up\`, or make them in the control panel.`,
    );
  const superusers = Object.values(roles).filter((role) => present.roles.get(role)!.superuser);
  if (superusers.length > 0)
    throw new Failure(
      "superuser",
      2,
      `${superusers.join(", ")} is a superuser. An application's role must not be one; no right could be taken from it.`,
    );
}

function extensions({ extensions: wanted }: RolesOptions, { extensions: there }: Present): string[] {
  return wanted.filter((name) => !there.has(name)).map((name) => `CREATE EXTENSION IF NOT EXISTS ${identifier(name)} SCHEMA public`);
}

function schemas({ schemas: wanted, roles }: RolesOptions, ledger: string, { schemas: there }: Present): string[] {
  const visible: Readonly<Partial<Record<RoleKind, readonly string[]>>> = {
    owner: ["CREATE", "USAGE"],
    runtime: ["USAGE"],
    readonly: ["USAGE"],
    backup: ["USAGE"],
  };
  const forLedger: typeof visible = { owner: ["CREATE", "USAGE"], backup: ["USAGE"] };
  return [...wanted.map((name) => [name, visible] as const), [ledger, forLedger] as const].flatMap(([name, rights]) => [
    ...(there.has(name) ? [] : [`CREATE SCHEMA ${identifier(name)}`]),
    ...differences(`SCHEMA ${identifier(name)}`, roles, rights, there.get(name) ?? []),
  ]);
}

/** In a database of our own nobody else may even connect. Where somebody else owns something, that door is theirs as well. */
function doors({ database, roles }: RolesOptions, present: Present): string[] {
  const on = `DATABASE ${identifier(database)}`;
  const rights = {
    owner: ["CONNECT", "TEMPORARY"],
    runtime: ["CONNECT", "TEMPORARY"],
    readonly: ["CONNECT"],
    backup: ["CONNECT"],
  } as const;
  const open = present.database.filter(({ grantee }) => grantee === "").map(({ privilege }) => privilege);
  return [
    ...differences(on, roles, rights, present.database),
    ...(present.shared || open.length === 0 ? [] : [`REVOKE ${open.join(", ")} ON ${on} FROM PUBLIC`]),
  ];
}

/** A reader that is a member of the owner could become it. */
function memberships({ roles }: RolesOptions, { roles: there }: Present): string[] {
  return READERS.filter((kind) => there.get(roles[kind])!.memberOf.includes(roles.owner)).map(
    (kind) => `REVOKE ${identifier(roles.owner)} FROM ${identifier(roles[kind])}`,
  );
}

/** What the owner makes tomorrow is usable without another grant. */
function defaults({ schemas: wanted, roles }: RolesOptions, ledger: string, { defaults: there }: Present): string[] {
  const owner = identifier(roles.owner);
  const places = [...wanted.map((name) => [name, PRIVILEGES] as const), [ledger, LEDGER_PRIVILEGES] as const];
  // Only the default of the whole role can take back what Postgres gives everybody; one of a schema can only add.
  const functions = there.get(" function");
  const closed = functions !== undefined && !functions.some(({ grantee, privilege }) => grantee === "" && privilege === "EXECUTE");
  return [
    ...(closed ? [] : [`ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC`]),
    ...places.flatMap(([schema, privileges]) =>
      KINDS.flatMap((kind) => {
        const within = `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA ${identifier(schema)} `;
        return differences(`${KEYWORD[kind]}S`, roles, privileges[kind], there.get(`${schema} ${kind}`) ?? []).map(
          (statement) => within + statement,
        );
      }),
    ),
  ];
}

function objects({ roles }: RolesOptions, ledger: string, { things }: Present): string[] {
  return things.flatMap(({ kind, schema, reference, grants, decided }) => {
    const rights = (schema === ledger ? LEDGER_PRIVILEGES : PRIVILEGES)[kind];
    // A function that a migration opened to everybody is meant so; one that nobody spoke of is open only because Postgres makes it so.
    const meant = kind === "function" && decided;
    const open = meant ? [] : grants.filter(({ grantee }) => grantee === "").map(({ privilege }) => privilege);
    return [
      ...differences(`${KEYWORD[kind]} ${reference}`, roles, rights, grants),
      ...(open.length === 0 ? [] : [`REVOKE ${open.join(", ")} ON ${KEYWORD[kind]} ${reference} FROM PUBLIC`]),
    ];
  });
}

function settings({ database, schemas: wanted, roles, statementTimeoutSeconds }: RolesOptions, present: Present): string[] {
  // public comes last: extensions live there, and nothing of ours does unless it is one of the schemas.
  const path = [...new Set([...wanted, "public"])].map(identifier).join(", ");
  return (Object.keys(roles) as RoleKind[]).flatMap((kind) => {
    const there = present.roles.get(roles[kind])!.settings;
    // Postgres keeps quotes only where a name needs them.
    const bare = (text: string) => text.replaceAll('"', "");
    const set = (name: string, value: string, spelled: string) =>
      there.some((setting) => bare(setting) === bare(`${name}=${spelled}`))
        ? []
        : [`ALTER ROLE ${identifier(roles[kind])} IN DATABASE ${identifier(database)} SET ${name} = ${value}`];
    return [
      ...set("search_path", path, path),
      ...(kind === "runtime" ? set("statement_timeout", literal(`${statementTimeoutSeconds}s`), `${statementTimeoutSeconds}s`) : []),
    ];
  });
}

function notices({ roles }: RolesOptions, { hidden, roles: there, shared }: Present): string[] {
  const blind = hidden.length > 0 && !there.get(roles.backup)!.bypassRls;
  return [
    ...(blind
      ? [
          `${roles.backup} does not see every row of ${hidden.join(", ")}: row-level security hides them, and only a superuser may give BYPASSRLS. ` +
            `A dump would fail rather than be short. Add a policy FOR SELECT TO ${roles.backup} USING (true), or dump with DigitalOcean's own backups.`,
        ]
      : []),
    ...(shared ? ["Others own objects in this database: PUBLIC keeps its right to connect, and nothing of theirs was touched."] : []),
  ];
}

/** Grants what is missing and takes back what is too much, for our four roles and nobody else. */
function differences(
  on: string,
  roles: Readonly<Record<RoleKind, string>>,
  wanted: Readonly<Partial<Record<RoleKind, readonly string[]>>>,
  present: readonly Grant[],
): string[] {
  return (Object.keys(roles) as RoleKind[]).flatMap((kind) => {
    const isObject = !/^(SCHEMA|DATABASE) /.test(on);
    // The owner's rights on its own objects come with owning them.
    if (kind === "owner" && isObject) return [];
    const role = roles[kind];
    const has = present.filter(({ grantee }) => grantee === role).map(({ privilege }) => privilege);
    const should = wanted[kind] ?? [];
    const missing = should.filter((privilege) => !has.includes(privilege));
    const tooMuch = has.filter((privilege) => !should.includes(privilege));
    return [
      ...(missing.length === 0 ? [] : [`GRANT ${missing.join(", ")} ON ${on} TO ${identifier(role)}`]),
      ...(tooMuch.length === 0 ? [] : [`REVOKE ${tooMuch.join(", ")} ON ${on} FROM ${identifier(role)}`]),
    ];
  });
}
