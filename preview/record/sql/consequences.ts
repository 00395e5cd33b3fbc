/**
 * What a statement does to data and to access, as far as the statement itself says: what is lost, who gains a right, and what cannot be known.
 * Locks and rewrites are of the linter.
 */
import type { Node } from "libpg-query";
import { effectsOf } from "../../../postdeploy/migrate/lint/effects.ts";
import { isDefiner, searchPathOf } from "../../../postdeploy/migrate/lint/security-rules.ts";
import {
  commandsOf,
  type Fields,
  fieldsOf,
  kindOf,
  objectName,
  optionsIn,
  quoteIfNeeded,
  stringOf,
  stringsOf,
  tableName,
} from "../../../postdeploy/migrate/read/statement.ts";
import { selectsEveryRow } from "./conditions.ts";
import { mentions } from "./nodes.ts";

export interface Consequence {
  readonly kind: "data-loss" | "access" | "unknown-effect";
  readonly risk: "danger" | "care";
  /** Continues "the file …": "drops schema audit with everything in it". */
  readonly text: string;
}

/** What the pending files create: nothing in it can be lost yet. */
export interface Created {
  hasTable(name: string): boolean;
  hasColumn(table: string, column: string): boolean;
}

const loss = (text: string, risk: Consequence["risk"] = "danger"): Consequence => ({ kind: "data-loss", risk, text });
const access = (text: string, risk: Consequence["risk"] = "danger"): Consequence => ({ kind: "access", risk, text });

/** Of the statement alone; code that it runs is followed by the caller. */
export function consequencesOf(node: Node, created: Created): readonly Consequence[] {
  return (JUDGES[kindOf(node)] ?? (() => []))(fieldsOf(node), created, node);
}

type Judge = (fields: Fields, created: Created, node: Node) => readonly Consequence[];

const JUDGES: Readonly<Record<string, Judge>> = {
  TruncateStmt: (_, created, node) => tablesOf(node, created).map((table) => loss(`empties ${table}`)),
  DropStmt: dropped,
  DropOwnedStmt: ({ roles }) => [loss(`drops everything that ${rolesIn(roles)} owns, and its privileges`)],
  ReassignOwnedStmt: ({ roles, newrole }) => [access(`gives everything that ${rolesIn(roles)} owns to ${roleIn(newrole)}`)],
  DropdbStmt: ({ dbname }) => [loss(`drops the database ${dbname}`)],
  DropTableSpaceStmt: ({ tablespacename }) => [loss(`drops the tablespace ${tablespacename}`, "care")],
  DeleteStmt: (fields, created) => changedRows("deletes", fields, created),
  UpdateStmt: (fields, created) => updated(fields, created),
  MergeStmt: (fields, created) =>
    JSON.stringify(fields.mergeWhenClauses ?? []).includes('"CMD_DELETE"') ? changedRows("deletes", fields, created, "care") : [],
  AlterTableStmt: alteredTable,
  AlterOwnerStmt: ({ newowner }) => [access(`changes an owner to ${roleIn(newowner)}`)],
  CreatePolicyStmt: (fields) => policy(fields, "adds"),
  AlterPolicyStmt: (fields) => policy(fields, "changes"),
  GrantStmt: granted,
  GrantRoleStmt: ({ is_grant, granted_roles, grantee_roles }) =>
    is_grant
      ? [access(`makes ${rolesIn(grantee_roles)} a member of ${privilegesIn(granted_roles)}`)]
      : [access(`ends the membership of ${rolesIn(grantee_roles)} in ${privilegesIn(granted_roles)}`, "care")],
  AlterDefaultPrivilegesStmt: ({ action }) => granted(((action as { GrantStmt?: Fields })?.GrantStmt ?? action) as Fields),
  CreateRoleStmt: (fields) => role(`creates role ${fields.role}`, fields),
  AlterRoleStmt: (fields) => role(`changes role ${roleIn(fields.role)}`, fields),
  AlterRoleSetStmt: ({ role: named, setstmt }) => [access(`sets ${settingIn(setstmt)} for role ${roleIn(named)}`)],
  DropRoleStmt: ({ roles }) => [access(`drops role ${rolesIn(roles)}`)],
  AlterDatabaseSetStmt: ({ dbname, setstmt }) => [access(`sets ${settingIn(setstmt)} for database ${dbname}`)],
  AlterDatabaseStmt: ({ dbname }) => [access(`changes database ${dbname}`)],
  AlterSystemStmt: ({ setstmt }) => [access(`sets ${settingIn(setstmt)} for the whole server`)],
  VariableSetStmt: setting,
  CreateFunctionStmt: createdFunction,
  AlterFunctionStmt: ({ actions }) => (isDefiner(optionsIn(actions)) ? [access("makes a function run with the rights of its owner")] : []),
  CopyStmt: copied,
  CreateExtensionStmt: ({ extname }) =>
    UNSAFE_EXTENSIONS.has(String(extname))
      ? [access(`adds extension ${extname}, which reaches files or the network of the server`)]
      : [access(`adds extension ${extname}`, "care")],
  CreateForeignServerStmt: ({ servername }) => [access(`adds the foreign server ${servername}`)],
  CreateUserMappingStmt: ({ servername }) => [access(`adds a login for the foreign server ${servername}`)],
  CreateForeignTableStmt: () => [access("adds a foreign table")],
  ImportForeignSchemaStmt: () => [access("adds foreign tables")],
  CreateFdwStmt: ({ fdwname }) => [access(`adds the foreign-data wrapper ${fdwname}`)],
  CreateSubscriptionStmt: ({ subname }) => [access(`subscribes to another server: ${subname}`)],
  CreatePublicationStmt: ({ pubname }) => [access(`publishes rows to subscribers: ${pubname}`)],
  AlterPublicationStmt: ({ pubname }) => [access(`changes what is published: ${pubname}`)],
  CreateEventTrigStmt: ({ trigname }) => [access(`adds event trigger ${trigname}, which runs at every change of a schema`)],
  CreatePLangStmt: ({ plname }) => [access(`adds the language ${plname}`)],
  LoadStmt: ({ filename }) => [access(`loads the library ${filename} into the server`)],
  RuleStmt: ({ instead, relation }) => (instead ? [loss(`adds a rule that replaces what is written to ${tableName(relation)}`)] : []),
};

/** Tables that exist before the pending files run. */
const tablesOf = (node: Node, created: Created): readonly string[] =>
  [...new Set(effectsOf(node).map(({ table }) => table))].filter((table) => !created.hasTable(table));

/** What a DROP of each kind takes with it. */
const DROPS: Readonly<Record<string, readonly [what: string, risk: Consequence["risk"]]>> = {
  OBJECT_SCHEMA: ["schema {} with everything in it", "danger"],
  OBJECT_MATVIEW: ["materialized view {}", "care"],
  OBJECT_VIEW: ["view {}", "care"],
  OBJECT_SEQUENCE: ["sequence {} with its position", "danger"],
  OBJECT_FOREIGN_TABLE: ["foreign table {}", "care"],
  OBJECT_FUNCTION: ["function {}", "care"],
  OBJECT_PROCEDURE: ["procedure {}", "care"],
  OBJECT_ROUTINE: ["routine {}", "care"],
  OBJECT_TYPE: ["type {}", "care"],
  OBJECT_DOMAIN: ["domain {}", "care"],
  OBJECT_EXTENSION: ["extension {}", "care"],
  OBJECT_RULE: ["rule {}", "care"],
  OBJECT_PUBLICATION: ["publication {}", "care"],
  OBJECT_FOREIGN_SERVER: ["foreign server {}", "care"],
};

function dropped({ removeType, objects, behavior }: Fields, created: Created, node: Node): readonly Consequence[] {
  const cascade = behavior === "DROP_CASCADE";
  if (removeType === "OBJECT_TABLE") return tablesOf(node, created).map((table) => loss(`drops ${table} with every row`));
  const names = ((objects ?? []) as unknown[]).map(objectName);
  if (removeType === "OBJECT_POLICY")
    return names.map((name) => access(`drops policy ${name.split(".").at(-1)} of ${name.split(".").slice(0, -1).join(".")}`));
  // With it goes what the trigger guarded.
  if (removeType === "OBJECT_TRIGGER") return names.map((name) => loss(`drops trigger ${name}`, "care"));
  const [what, risk] = DROPS[String(removeType)] ?? [];
  if (what === undefined || risk === undefined) return [];
  const more = cascade ? ", and everything that depends on it" : "";
  return names.map((name) => loss(`drops ${what.replace("{}", name)}${more}`, cascade ? "danger" : risk));
}

function changedRows(verb: string, fields: Fields, created: Created, most?: Consequence["risk"]): readonly Consequence[] {
  const table = tableName(fields.relation);
  if (created.hasTable(table)) return [];
  return selectsEveryRow(fields.whereClause as Node | undefined) && most === undefined
    ? [loss(`${verb} every row of ${table}`)]
    : [loss(`${verb} rows of ${table}`, "care")];
}

function updated(fields: Fields, created: Created): readonly Consequence[] {
  const table = tableName(fields.relation);
  if (created.hasTable(table)) return [];
  const columns = ((fields.targetList ?? []) as { ResTarget?: { name?: string } }[]).flatMap(({ ResTarget }) => ResTarget?.name ?? []);
  // No value is lost: the columns were empty.
  if (columns.every((column) => created.hasColumn(table, column))) return [];
  const which = columns.join(", ");
  return selectsEveryRow(fields.whereClause as Node | undefined)
    ? [loss(`overwrites ${which} in every row of ${table}`)]
    : [loss(`overwrites ${which} in rows of ${table}`, "care")];
}

function alteredTable(fields: Fields, created: Created): readonly Consequence[] {
  const table = tableName(fields.relation);
  const isType = fields.objtype === "OBJECT_TYPE";
  return commandsOf(fields).flatMap((command): readonly Consequence[] => {
    const { subtype, name, behavior } = command;
    if (subtype === "AT_ChangeOwner") return [access(`changes the owner of ${table} to ${roleIn(command.newowner)}`)];
    if (created.hasTable(table)) return [];
    switch (subtype) {
      case "AT_DropColumn":
        return created.hasColumn(table, String(name))
          ? []
          : [loss(`drops ${table}.${name} with every value${behavior === "DROP_CASCADE" ? ", and everything that depends on it" : ""}`)];
      case "AT_DisableRowSecurity":
        return [access(`disables row-level security of ${table}: every role that may read it sees every row`)];
      case "AT_NoForceRowSecurity":
        return [access(`ends row-level security of ${table} for its owner`)];
      case "AT_SetUnLogged":
        return [loss(`makes ${table} unlogged: a crash of the server empties it, and standbys do not have it`)];
      case "AT_DisableTrigAll":
      case "AT_DisableTrig":
      case "AT_DisableTrigUser":
        return [
          loss(`disables ${subtype === "AT_DisableTrig" ? `trigger ${name}` : "triggers"} of ${table}: what they check is not checked`),
        ];
      case "AT_DropConstraint":
        return [loss(`drops constraint ${name} of ${table}: values that it refuses can be written`, "care")];
      case "AT_DropNotNull":
        return [];
      case "AT_DetachPartition":
        return [loss(`takes a partition out of ${table}: its rows are no longer in it`, "care")];
      case "AT_DropExpression":
      case "AT_DropIdentity":
        return isType ? [] : [loss(`ends the generated values of ${table}.${name}`, "care")];
      default:
        return [];
    }
  });
}

function policy(fields: Fields, verb: string): readonly Consequence[] {
  const table = tableName(fields.table);
  const named = `policy ${fields.policy_name} of ${table}`;
  const open = [fields.qual, fields.with_check].some((expression) => expression !== undefined && !mentionsRow(expression));
  const isPermissive = fields.permissive !== false;
  if (open && isPermissive) return [access(`${verb} ${named}, which lets every row pass`)];
  return isPermissive || verb === "changes" ? [access(`${verb} ${named}`, "care")] : [];
}

/** A condition that looks neither at the row nor at who asks passes every row, or none. */
const mentionsRow = (expression: unknown): boolean =>
  mentions(expression, "ColumnRef") ||
  mentions(expression, "FuncCall") ||
  mentions(expression, "SQLValueFunction") ||
  mentions(expression, "SubLink");

const ROW_PRIVILEGES = new Set(["select", "insert", "update", "delete", "usage", "execute", "connect"]);

function granted({ is_grant, privileges, grantees, grant_option, objects, targtype }: Fields): readonly Consequence[] {
  const all = privileges === undefined;
  const which = all ? "every privilege" : privilegesIn(privileges);
  const toPublic = ((grantees ?? []) as { RoleSpec?: { roletype?: string } }[]).some(
    ({ RoleSpec }) => RoleSpec?.roletype === "ROLESPEC_PUBLIC",
  );
  const where = targtype === "ACL_TARGET_ALL_IN_SCHEMA" ? "everything in " : "";
  const names = ((objects ?? []) as unknown[]).map(objectName).filter((name) => name !== "");
  const on = names.length === 0 ? "" : ` on ${where}${names.join(", ")}`;
  if (!is_grant) return [access(`takes ${which}${on} from ${rolesIn(grantees)}`, "care")];
  const own = ((privileges ?? []) as { AccessPriv?: { priv_name?: string } }[]).map(({ AccessPriv }) => AccessPriv?.priv_name ?? "");
  const isBroad = all || toPublic || grant_option === true || own.some((name) => !ROW_PRIVILEGES.has(name));
  const option = grant_option === true ? ", with the right to pass it on" : "";
  return [access(`gives ${rolesIn(grantees)} ${which}${on}${option}`, isBroad ? "danger" : "care")];
}

const POWERS = new Set(["superuser", "bypassrls", "createrole", "createdb", "isreplication", "canlogin", "password"]);

function role(what: string, { options }: Fields): readonly Consequence[] {
  const given = optionsIn(options).flatMap(({ defname, arg }) => {
    const { Boolean: value } = (arg ?? {}) as { Boolean?: { boolval?: boolean } };
    return POWERS.has(String(defname)) && (value === undefined || value.boolval === true) ? [String(defname)] : [];
  });
  return [access(given.length === 0 ? what : `${what}: ${given.map((name) => POWER_WORDS[name] ?? name).join(", ")}`)];
}

const POWER_WORDS: Readonly<Record<string, string>> = {
  superuser: "superuser",
  bypassrls: "row-level security does not apply to it",
  createrole: "it can change roles",
  createdb: "it can create databases",
  isreplication: "it can copy the whole server",
  canlogin: "it can log in",
  password: "it gets a password",
};

/** Settings of a session that switch off what protects rows, or change who acts. */
const PROTECTIVE = new Set(["role", "session_authorization", "session_replication_role", "row_security", "default_transaction_read_only"]);

function setting({ kind, name }: Fields): readonly Consequence[] {
  return kind === "VAR_SET_VALUE" && PROTECTIVE.has(String(name)) ? [access(`sets ${name} for what follows`)] : [];
}

const SAFE_LANGUAGES = new Set(["sql", "plpgsql"]);

function createdFunction({ funcname, options }: Fields): readonly Consequence[] {
  const name = stringsOf(funcname).map(quoteIfNeeded).join(".");
  const all = optionsIn(options);
  const language = stringOf(all.find(({ defname }) => defname === "language")?.arg) ?? "sql";
  return [
    ...(SAFE_LANGUAGES.has(language) ? [] : [access(`adds function ${name} in ${language}, which can do what the server's user can`)]),
    ...(isDefiner(all)
      ? [
          searchPathOf(all) !== undefined
            ? access(`adds function ${name}, which runs with the rights of its owner`, "care")
            : access(`adds function ${name}, which runs with the rights of its owner and the search path of its caller`),
        ]
      : []),
  ];
}

function copied({ is_program, is_from, filename, relation }: Fields): readonly Consequence[] {
  if (is_program) return [access(`runs the program "${filename}" on the server`)];
  if (filename === undefined) return [];
  return [access(is_from ? `reads the server's file ${filename}` : `writes ${tableName(relation)} into the server's file ${filename}`)];
}

/** Extensions whose functions read files, open connections or run code outside of the database. */
const UNSAFE_EXTENSIONS = new Set([
  ...["dblink", "postgres_fdw", "file_fdw", "mysql_fdw", "oracle_fdw", "tds_fdw", "adminpack", "http", "pg_net", "pg_cron", "aws_s3"],
  ...["aws_lambda", "plpython3u", "plpythonu", "plperlu", "pltclu", "pljava", "plv8", "pg_background", "pgagent", "lo", "pageinspect"],
]);

/** Functions of Postgres, and of the extensions above, that act outside of the rows of a query. */
export const UNSAFE_FUNCTIONS: Readonly<Record<string, string>> = {
  pg_read_file: "reads a file of the server",
  pg_read_binary_file: "reads a file of the server",
  pg_ls_dir: "lists a folder of the server",
  pg_stat_file: "looks at a file of the server",
  lo_import: "reads a file of the server",
  lo_export: "writes a file of the server",
  lo_unlink: "removes a large object",
  pg_terminate_backend: "ends other sessions",
  pg_cancel_backend: "cancels the queries of other sessions",
  pg_reload_conf: "reloads the server's configuration",
  pg_rotate_logfile: "rotates the server's log",
  pg_promote: "promotes a standby",
  pg_create_logical_replication_slot: "keeps the write-ahead log for a subscriber",
  pg_drop_replication_slot: "drops a replication slot",
  pg_replication_origin_advance: "moves a replication origin",
  dblink: "sends SQL to another server",
  dblink_exec: "sends SQL to another server",
  dblink_connect: "connects to another server",
  dblink_send_query: "sends SQL to another server",
  http_get: "sends a request",
  http_post: "sends a request",
};

/** @param name without its schema. @param args of the call */
export function consequencesOfCall(name: string, args: readonly Node[]): readonly Consequence[] {
  const what = UNSAFE_FUNCTIONS[name];
  if (what !== undefined) return [access(`calls ${name}(), which ${what}`)];
  const [setting] = args;
  const value = (fieldsOf(setting ?? ({} as Node)) as { sval?: { sval?: string } }).sval?.sval;
  if (name === "set_config" && (value === undefined || PROTECTIVE.has(value)))
    return [access(`sets ${value ?? "a setting"} for what follows`)];
  return name === "setval" ? [loss("moves a sequence", "care")] : [];
}

const settingIn = (statement: unknown): string => String((statement as { name?: string } | undefined)?.name ?? "a setting");

interface RoleSpec {
  readonly roletype?: string;
  readonly rolename?: string;
}

function roleIn(node: unknown): string {
  const { roletype, rolename } = ((node as { RoleSpec?: RoleSpec })?.RoleSpec ?? node ?? {}) as RoleSpec;
  return rolename ?? (roletype === "ROLESPEC_PUBLIC" ? "PUBLIC" : "the current role");
}

const rolesIn = (list: unknown): string => ((list ?? []) as unknown[]).map(roleIn).join(", ");

const privilegesIn = (list: unknown): string =>
  ((list ?? []) as { AccessPriv?: { priv_name?: string } }[])
    .map(({ AccessPriv }) => AccessPriv?.priv_name ?? "every privilege")
    .join(", ");
