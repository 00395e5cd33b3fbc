/**
 * What a role or an administrator changed about the roles themselves: settings, attributes and memberships. A role may set any setting for itself, which
 * every later session of it starts with. What is not declared is reported with its old value and undone.
 */
import { identifier, literal, printable } from "../connect/quote.ts";
import { type CurrentState, type Membership, NEVER_RESET, type RoleAttributes, type RoleSetting } from "./current-state.ts";
import { IDLE_IN_TRANSACTION_TIMEOUT, type RoleKind, type RolesOptions } from "./privileges.ts";

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
  const parts = (Object.keys(roles) as RoleKind[]).map((kind): Part => {
    const role = existing.get(roles[kind])!;
    const undeclared = ATTRIBUTES.flatMap(({ name, value, undo }) => {
      const is = value(role);
      return is === undefined ? [] : [{ undo, notice: `Undeclared attribute of ${roles[kind]}: ${name} is ${is}.` }];
    });
    // The backup role reads every row where a superuser gave it BYPASSRLS.
    const bypasses = role.bypassRls && kind !== "backup";
    return {
      statements:
        role.changeable && undeclared.length > 0
          ? [`ALTER ROLE ${identifier(roles[kind])} ${undeclared.map(({ undo }) => undo).join(" ")}`]
          : [],
      notices: [
        ...undeclared.map(({ notice }) => `${notice} ${role.changeable ? "This step resets it." : NO_PERMISSION}`),
        ...(bypasses
          ? [`Undeclared attribute of ${roles[kind]}: BYPASSRLS is yes, so row-level security hides nothing from it. ${NO_PERMISSION}`]
          : []),
      ],
    };
  });
  return join(parts);
}

/** A member of a role has its privileges. Roles that manage roles keep their memberships: they could grant them again. */
export function planMemberships({ roles }: RolesOptions, { memberships, major }: CurrentState): Part {
  const undeclared = memberships.filter(({ memberManages }) => !memberManages);
  const names: readonly string[] = Object.values(roles);
  const isRevoked = revocation(undeclared);
  const describe = ({ role, member, grantor, admin }: Membership) =>
    `Undeclared membership: ${printable(member)} is a member of ${printable(role)}${admin ? " with the right to grant it" : ""}, granted by ${printable(grantor)}.`;
  return {
    statements: undeclared
      .filter(({ revocable }) => revocable)
      .map(
        ({ role, member, grantor }) =>
          // Until Postgres 15, a membership exists once, whatever role granted it.
          `REVOKE ${identifier(role)} FROM ${identifier(member)}${major < 16 ? "" : ` GRANTED BY ${identifier(grantor)}`} CASCADE`,
      ),
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

export function planSettings(options: RolesOptions, { settings }: CurrentState): Part {
  const { database, roles } = options;
  const parts = (Object.keys(roles) as RoleKind[]).map((kind): Part => {
    const role = roles[kind];
    const declared = declaredSettings(options, kind);
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

function declaredSettings({ schemas, statementTimeoutSeconds }: RolesOptions, kind: RoleKind): DeclaredSetting[] {
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
