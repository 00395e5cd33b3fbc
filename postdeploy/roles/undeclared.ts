/**
 * What a role or an administrator changed about the roles themselves: settings, attributes and memberships. A role may set any setting for itself, which
 * every later session of it starts with. What is not declared is reported with its old value and undone.
 */
import { identifier, literal, printable } from "../connect/quote.ts";
import { type CurrentState, type Membership, NEVER_RESET, type RoleAttributes, type RoleSetting } from "./current-state.ts";
import { existingHolders, type Holder, holdersOf, IDLE_IN_TRANSACTION_TIMEOUT, type RolesOptions } from "./privileges.ts";

interface Part {
  readonly statements: readonly string[];
  readonly notices: readonly string[];
}

const NO_PERMISSION = "The administrator may not undo it: ask DigitalOcean's support.";

interface Attribute {
  readonly name: string;
  /** undefined: as declared. */
  readonly value: (role: RoleAttributes) => string | undefined;
  readonly undo: string;
}

const ATTRIBUTES: readonly Attribute[] = [
  { name: "CREATEDB", value: ({ createDb }) => (createDb ? "yes" : undefined), undo: "NOCREATEDB" },
  { name: "CREATEROLE", value: ({ createRole }) => (createRole ? "yes" : undefined), undo: "NOCREATEROLE" },
  { name: "REPLICATION", value: ({ replication }) => (replication ? "yes" : undefined), undo: "NOREPLICATION" },
  { name: "LOGIN", value: ({ login }) => (login ? undefined : "no"), undo: "LOGIN" },
  { name: "INHERIT", value: ({ inherit }) => (inherit ? undefined : "no"), undo: "INHERIT" },
  {
    name: "CONNECTION LIMIT",
    value: ({ connectionLimit }) => (connectionLimit === -1 ? undefined : String(connectionLimit)),
    undo: "CONNECTION LIMIT -1",
  },
  { name: "VALID UNTIL", value: ({ validUntil }) => validUntil ?? undefined, undo: "VALID UNTIL 'infinity'" },
];

export function planAttributes({ roles }: RolesOptions, { roles: existing }: CurrentState): Part {
  const parts = existingHolders(roles, existing).map(({ name: holder, kind }): Part => {
    const role = existing.get(holder)!;
    const undeclared = ATTRIBUTES.flatMap(({ name, value, undo }) => {
      const is = value(role);
      return is === undefined ? [] : [{ undo, notice: `Undeclared attribute of ${holder}: ${name} is ${is}.` }];
    });
    // The backup role reads every row where a superuser gave it BYPASSRLS.
    const bypasses = role.bypassRls && kind !== "backup";
    return {
      statements:
        role.changeable && undeclared.length > 0
          ? [`ALTER ROLE ${identifier(holder)} ${undeclared.map(({ undo }) => undo).join(" ")}`]
          : [],
      notices: [
        ...undeclared.map(({ notice }) => `${notice} ${role.changeable ? "This step resets it." : NO_PERMISSION}`),
        ...(bypasses
          ? [`Undeclared attribute of ${holder}: BYPASSRLS is yes, so row-level security hides nothing from it. ${NO_PERMISSION}`]
          : []),
      ],
    };
  });
  return join(parts);
}

/**
 * A member of a role has its privileges. An alternate is a member of its role, and of no other. Roles that manage roles keep their memberships: they could
 * grant them again.
 */
export function planMemberships({ roles }: RolesOptions, { memberships, major, roles: existing }: CurrentState): Part {
  const alternates = existingHolders(roles, existing).filter(({ memberOf }) => memberOf !== undefined);
  const isDeclared = ({ role, member, admin, full }: Membership) =>
    full && !admin && alternates.some(({ name, memberOf }) => name === member && memberOf === role);
  const undeclared = memberships.filter((one) => !one.memberManages && !isDeclared(one));
  const ungranted = alternates.filter(({ name }) => !memberships.some((one) => one.member === name && isDeclared(one)));
  const names: readonly string[] = holdersOf(roles).map(({ name }) => name);
  const isRevoked = revocation(undeclared);
  const describe = ({ role, member, grantor, admin }: Membership) =>
    `Undeclared membership: ${printable(member)} is a member of ${printable(role)}${admin ? " with the right to grant it" : ""}, granted by ${printable(grantor)}.`;
  return {
    statements: [
      ...undeclared
        .filter(({ revocable }) => revocable)
        .map(
          ({ role, member, grantor }) =>
            // Until Postgres 15, a membership exists once, whatever role granted it.
            `REVOKE ${identifier(role)} FROM ${identifier(member)}${major < 16 ? "" : ` GRANTED BY ${identifier(grantor)}`} CASCADE`,
        ),
      ...ungranted.map(
        ({ name, memberOf }) =>
          `GRANT ${identifier(memberOf!)} TO ${identifier(name)}${major < 16 ? "" : " WITH ADMIN FALSE, INHERIT TRUE, SET TRUE"}`,
      ),
    ],
    notices: [
      ...undeclared.map((one) => `${describe(one)} ${isRevoked(one) ? "This step revokes it." : NO_PERMISSION}`),
      ...memberships
        .filter(({ memberManages, role }) => memberManages && names.includes(role))
        .map(
          (one) =>
            `${describe(one)} It is not revoked, because ${printable(one.member)} manages roles. If it is not to, revoke its CREATEROLE.`,
        ),
    ],
  };
}

/** A membership ends also if that of its grantor, by which it could be granted, is revoked. */
function revocation(memberships: readonly Membership[]): (membership: Membership) => boolean {
  const revoked = new Set(memberships.filter(({ revocable }) => revocable));
  let before: number;
  do {
    before = revoked.size;
    for (const one of memberships)
      if ([...revoked].some(({ role, member, admin }) => admin && role === one.role && member === one.grantor)) revoked.add(one);
  } while (revoked.size > before);
  return (membership) => revoked.has(membership);
}

export function planSettings(options: RolesOptions, { settings, roles: existing }: CurrentState): Part {
  const { database, roles } = options;
  const parts = existingHolders(roles, existing).map((holder): Part => {
    const role = holder.name;
    const declared = declaredSettings(options, holder);
    const own = settings.filter((setting) => setting.role === role);
    const undeclared = own.filter(({ everywhere, name }) => everywhere || !declared.some((one) => one.name === name));
    const wrong = declared.flatMap(({ name, value, stored }) => {
      const current = own.find((setting) => !setting.everywhere && setting.name === name);
      return current !== undefined && unquote(current.value) === unquote(stored) ? [] : [{ name, value, current }];
    });
    return {
      statements: [
        ...undeclared
          .filter(({ resettable }) => resettable)
          .map(({ everywhere, name }) => `ALTER ROLE ${identifier(role)}${everywhere ? "" : within(database)} RESET ${settingName(name)}`),
        ...wrong.map(({ name, value }) => `ALTER ROLE ${identifier(role)}${within(database)} SET ${name} = ${value}`),
      ],
      notices: [
        ...undeclared.map((setting) => `Undeclared setting of ${describe(setting, database)}. ${consequence(setting)}`),
        ...wrong.flatMap(({ current, value }) =>
          current === undefined ? [] : [`Changed setting of ${describe(current, database)}. This step sets it to ${value}.`],
        ),
      ],
    };
  });
  // They may be the administrator's own.
  const ofDatabase = settings.filter(({ role }) => role === "");
  const notices = ofDatabase.map(
    ({ name, value }) =>
      `Setting of database ${database}: ${printable(name)} = ${printable(value)}. It applies to all roles, and was not changed. If it is not yours, run: ` +
      `ALTER DATABASE ${identifier(database)} RESET ${printable(settingName(name))};`,
  );
  return join([...parts, { statements: [], notices }]);
}

function consequence({ resettable, name, role }: RoleSetting): string {
  if (resettable) return "This step resets it.";
  if (!NEVER_RESET.includes(name)) return NO_PERMISSION;
  return name === "seed"
    ? `Postgres cannot reset it, and random() is predictable in later sessions: delete the user ${role}, and create it again with \`pulumi up\`.`
    : "Postgres cannot reset it, and it has no effect on later transactions.";
}

interface DeclaredSetting {
  readonly name: string;
  readonly value: string;
  /** As pg_db_role_setting contains it. */
  readonly stored: string;
}

/** A role does not pass its settings on to its members. */
function declaredSettings({ schemas, statementTimeoutSeconds }: RolesOptions, { kind, memberOf }: Holder): DeclaredSetting[] {
  // public is last of the schemas, for the functions of extensions. Without pg_temp, a temporary table would hide a table of the same name.
  const path = [...new Set([...schemas, "public", "pg_temp"])].map(identifier).join(", ");
  const timeout = (name: string, value: string) => ({ name, value: literal(value), stored: value });
  return [
    { name: "search_path", value: path, stored: path },
    ...(kind === "runtime"
      ? [
          timeout("statement_timeout", `${statementTimeoutSeconds}s`),
          timeout("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT),
        ]
      : []),
    // What a session of the alternate creates belongs to the role, and whatever asks for the current user finds the role.
    ...(memberOf === undefined ? [] : [{ name: "role", value: identifier(memberOf), stored: memberOf }]),
  ];
}

const within = (database: string): string => ` IN DATABASE ${identifier(database)}`;

/** Postgres stores quotes only where a name needs them. */
const unquote = (text: string): string => text.replaceAll('"', "");

/** The parts of a custom setting are names of their own: candlefish.organization_id. */
const settingName = (name: string): string => name.split(".").map(identifier).join(".");

const describe = ({ role, everywhere, name, value }: RoleSetting, database: string): string =>
  `${role} in ${everywhere ? "all databases" : `database ${database}`}: ${printable(name)} = ${printable(value)}`;

const join = (parts: readonly Part[]): Part => ({
  statements: parts.flatMap(({ statements }) => statements),
  notices: parts.flatMap(({ notices }) => notices),
});
