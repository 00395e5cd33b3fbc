/** The statements that change the current privileges to the required ones. The list is empty if nothing has to change. */
import { Failure } from "../connect/failure.ts";
import { checkedName, identifier, literal, printable } from "../connect/quote.ts";
import type { CurrentState, Grant } from "./current-state.ts";
import {
  DEFAULT_DATABASE,
  existingHolders,
  holdersOf,
  KEYWORD,
  LEDGER_PRIVILEGES,
  type ObjectKind,
  PRIVILEGES,
  type RoleKind,
  type RolesOptions,
} from "./privileges.ts";
import { planAttributes, planMemberships, planSettings } from "./undeclared.ts";

export interface RolesPlan {
  readonly statements: readonly string[];
  /** What is not declared, whether the step undoes it or not, and what the step cannot do. */
  readonly notices: readonly string[];
}

const KINDS = Object.keys(PRIVILEGES) as ObjectKind[];

export function planRoles(options: RolesOptions, ledger: string, current: CurrentState): RolesPlan {
  validateRoles(options, current);
  const attributes = planAttributes(options, current);
  const memberships = planMemberships(options, current);
  const settings = planSettings(options, current);
  return {
    statements: [
      ...planExtensions(options, current),
      ...planSchemas(options, ledger, current),
      ...planDatabaseAccess(options, current),
      ...planDefaultDatabase(options, current),
      ...attributes.statements,
      ...memberships.statements,
      ...planDefaultPrivileges(options, ledger, current),
      ...planOwnership(options, current),
      ...planObjectPrivileges(options, ledger, current),
      ...settings.statements,
    ],
    notices: [...attributes.notices, ...memberships.notices, ...settings.notices, ...findNotices(options, current)],
  };
}

function validateRoles({ roles, schemas: required, database }: RolesOptions, current: CurrentState): void {
  checkedName(database, "database");
  for (const schema of required) checkedName(schema, "schema");
  const holders = holdersOf(roles);
  const missing = Object.values(roles).filter((role) => !current.roles.has(checkedName(role, "role")));
  if (missing.length > 0)
    throw new Failure(
      "no-role",
      2,
      `The cluster has no user ${missing.join(", ")}. Users are created through DigitalOcean's API, which generates their passwords. Run \`pulumi up\`, or create them in the control panel.`,
    );
  const superusers = holders.map(({ name }) => name).filter((name) => current.roles.get(name)?.superuser);
  if (superusers.length > 0)
    throw new Failure(
      "superuser",
      2,
      `${superusers.join(", ")} is a superuser. The roles of an application cannot be superusers, because privileges do not restrict them.`,
    );
}

function planExtensions({ extensions: required }: RolesOptions, { extensions: existing }: CurrentState): string[] {
  return required.filter((name) => !existing.has(name)).map((name) => `CREATE EXTENSION IF NOT EXISTS ${identifier(name)} SCHEMA public`);
}

function planSchemas({ schemas: required, roles }: RolesOptions, ledger: string, { schemas: existing }: CurrentState): string[] {
  const access: Readonly<Partial<Record<RoleKind, readonly string[]>>> = {
    owner: ["CREATE", "USAGE"],
    runtime: ["USAGE"],
    readonly: ["USAGE"],
    backup: ["USAGE"],
  };
  const forLedger: typeof access = { owner: ["CREATE", "USAGE"], backup: ["USAGE"] };
  return [...required.map((name) => [name, access] as const), [ledger, forLedger] as const].flatMap(([name, rights]) => [
    ...(existing.has(name) ? [] : [`CREATE SCHEMA ${identifier(name)}`]),
    ...diffPrivileges(`SCHEMA ${identifier(name)}`, roles, rights, existing.get(name) ?? []),
  ]);
}

/** Other roles cannot connect to the database, unless it is shared. */
function planDatabaseAccess({ database, roles }: RolesOptions, current: CurrentState): string[] {
  const on = `DATABASE ${identifier(database)}`;
  const rights = {
    owner: ["CONNECT", "TEMPORARY"],
    runtime: ["CONNECT"],
    readonly: ["CONNECT"],
    backup: ["CONNECT"],
  } as const;
  const toPublic = current.database.filter(({ grantee }) => grantee === "").map(({ privilege }) => privilege);
  return [
    ...diffPrivileges(on, roles, rights, current.database),
    ...(current.shared || toPublic.length === 0 ? [] : [`REVOKE ${toPublic.join(", ")} ON ${on} FROM PUBLIC`]),
  ];
}

/**
 * By default every role of the cluster can connect to it. Roles that exist keep that, apart from those of the system: they may belong to DigitalOcean or to
 * another application. Steps of several systems may run at once: the first grant locks the row, so that one of them finds the privileges of PUBLIC.
 */
function planDefaultDatabase({ roles }: RolesOptions, current: CurrentState): string[] {
  const { administrator, defaultDatabase, otherLogins } = current;
  if (defaultDatabase === undefined) return [];
  const on = `DATABASE ${identifier(DEFAULT_DATABASE)}`;
  const toPublic = defaultDatabase.filter(({ grantee }) => grantee === "").map(({ privilege }) => privilege);
  if (toPublic.length === 0) return diffPrivileges(on, roles, {}, defaultDatabase);
  const rights = toPublic.join(", ");
  return [
    `GRANT CONNECT ON ${on} TO ${identifier(administrator)}`,
    `DO $slipway$ BEGIN
  IF has_database_privilege('public', ${literal(DEFAULT_DATABASE)}, 'CONNECT, TEMPORARY') THEN
    ${otherLogins.length === 0 ? "" : `GRANT ${rights} ON ${on} TO ${otherLogins.map(identifier).join(", ")};`}
    REVOKE ${rights} ON ${on} FROM PUBLIC;
  END IF;
END $slipway$`,
    // The step of another system may have granted it to these roles since the plan was made.
    `REVOKE ${rights} ON ${on} FROM ${existingHolders(roles, current.roles)
      .map(({ name }) => identifier(name))
      .join(", ")}`,
  ];
}

/** Default privileges, so that the owner's future objects need no grants. */
function planDefaultPrivileges({ schemas: required, roles }: RolesOptions, ledger: string, { defaults: existing }: CurrentState): string[] {
  const owner = identifier(roles.owner);
  const privilegesBySchema = [...required.map((name) => [name, PRIVILEGES] as const), [ledger, LEDGER_PRIVILEGES] as const];
  // Postgres grants EXECUTE to PUBLIC by default. Only a default without a schema can revoke that.
  const functions = existing.get(" function");
  const revoked = functions !== undefined && !functions.some(({ grantee, privilege }) => grantee === "" && privilege === "EXECUTE");
  return [
    ...(revoked ? [] : [`ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC`]),
    ...privilegesBySchema.flatMap(([schema, privileges]) =>
      KINDS.flatMap((kind) => {
        const prefix = `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} IN SCHEMA ${identifier(schema)} `;
        return diffPrivileges(`${KEYWORD[kind]}S`, roles, privileges[kind], existing.get(`${schema} ${kind}`) ?? []).map(
          (statement) => prefix + statement,
        );
      }),
    ),
  ];
}

/** After the owner role was created again, or the database restored. The owner role needs CREATE on the schemas first. */
function planOwnership({ roles }: RolesOptions, { displaced }: CurrentState): string[] {
  return displaced.flatMap(({ type, reference, given }) =>
    given ? [`ALTER ${type} ${reference} OWNER TO ${identifier(roles.owner)}`] : [],
  );
}

function planObjectPrivileges({ roles }: RolesOptions, ledger: string, { objects: owned }: CurrentState): string[] {
  return owned.flatMap(({ kind, schema, reference, grants, hasAcl }) => {
    const rights = (schema === ledger ? LEDGER_PRIVILEGES : PRIVILEGES)[kind];
    // If a migration granted EXECUTE to PUBLIC, keep it. Without an explicit grant, PUBLIC has it by default, which is revoked.
    const intended = kind === "function" && hasAcl;
    const toPublic = intended ? [] : grants.filter(({ grantee }) => grantee === "").map(({ privilege }) => privilege);
    return [
      ...diffPrivileges(`${KEYWORD[kind]} ${reference}`, roles, rights, grants),
      ...(toPublic.length === 0 ? [] : [`REVOKE ${toPublic.join(", ")} ON ${KEYWORD[kind]} ${reference} FROM PUBLIC`]),
    ];
  });
}

function findNotices({ roles }: RolesOptions, current: CurrentState): string[] {
  const { hidden, roles: existing, shared, displaced, readerObjects, largeObjects } = current;
  const kept = displaced.filter(({ given }) => !given);
  const restricted = hidden.length > 0 && !existing.get(roles.backup)!.bypassRls;
  return [
    ...(restricted
      ? [
          `Row-level security hides rows of ${hidden.join(", ")} from ${roles.backup}, and only a superuser can grant BYPASSRLS. ` +
            `A dump would fail. Add a policy FOR SELECT TO ${roles.backup} USING (true), or use DigitalOcean's own backups.`,
        ]
      : []),
    ...(kept.length > 0
      ? [
          `${[...new Set(kept.map(({ role }) => role))].join(", ")} owns ${kept.map(({ reference }) => reference).join(", ")}, which was not changed: it may belong to another application. ` +
            `If it belongs to this system, run: ${kept.map(({ type, reference }) => `ALTER ${type} ${reference} OWNER TO ${identifier(roles.owner)};`).join(" ")}`,
        ]
      : []),
    ...[...new Set(readerObjects.map(({ role }) => role))].map((role) =>
      describeOwned(
        role,
        readerObjects.filter((one) => one.role === role).map(({ object }) => object),
        roles.owner,
      ),
    ),
    ...largeObjects.map(
      ({ role, count }) =>
        `${role} owns ${count} large objects, which only a superuser can forbid. If the application does not use them, run: ` +
        `SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE lomowner = '${role}'::regrole;`,
    ),
    ...(shared
      ? ["Other roles own objects in this database: PUBLIC keeps CONNECT and TEMPORARY, and their objects were not changed."]
      : []),
  ];
}

function describeOwned(role: string, objects: readonly string[], owner: string): string {
  const rest = objects.length > LISTED ? `, and ${objects.length - LISTED} more` : "";
  return (
    `${role} owns ${objects.slice(0, LISTED).map(printable).join(", ")}${rest}, though only ${owner} owns objects of the system. ` +
    `Check who created them and what they do. This step gives those in the schemas of the system to ${owner}, apart from functions that run as their owner.`
  );
}

/** How many objects a notice names. */
const LISTED = 10;

/** Grants missing privileges and revokes excess ones, for the four roles and their alternates only. An alternate has the privileges of its role. */
function diffPrivileges(
  on: string,
  roles: Readonly<Record<RoleKind, string>>,
  privileges: Readonly<Partial<Record<RoleKind, readonly string[]>>>,
  current: readonly Grant[],
): string[] {
  return holdersOf(roles).flatMap(({ name: role, kind, memberOf }) => {
    const isObject = !on.startsWith("SCHEMA ") && !on.startsWith("DATABASE ");
    // Ownership implies all privileges.
    if (kind === "owner" && isObject && memberOf === undefined) return [];
    const has = current.filter(({ grantee }) => grantee === role).map(({ privilege }) => privilege);
    const required = memberOf === undefined ? (privileges[kind] ?? []) : [];
    const missing = required.filter((privilege) => !has.includes(privilege));
    const excess = has.filter((privilege) => !required.includes(privilege));
    return [
      ...(missing.length === 0 ? [] : [`GRANT ${missing.join(", ")} ON ${on} TO ${identifier(role)}`]),
      ...(excess.length === 0 ? [] : [`REVOKE ${excess.join(", ")} ON ${on} FROM ${identifier(role)}`]),
    ];
  });
}
