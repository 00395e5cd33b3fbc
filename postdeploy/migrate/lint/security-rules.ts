/** Rules about access: row-level security, grants, functions and passwords. */
import { commandsOf, type Fields, isParameterOn, optionsIn, stringOf, tableName } from "../read/statement.ts";
import type { FileSet } from "./file-set.ts";
import { type Rule, type RuleFindings, warn } from "./rule.ts";

const optionsOf = ({ options }: Fields): Fields[] => optionsIn(options);

export const createPolicy: Rule = (fields, { set }) => {
  const table = tableName(fields.table);
  return set.isNew(table) && !set.rlsEnabled.has(table)
    ? warn(
        "policy-without-rls",
        `Row-level security is not enabled on ${table}, so the policy has no effect.`,
        `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;`,
      )
    : [];
};

/**
 * Unless the search path names pg_temp, Postgres searches it first for tables and types. A caller can create temporary tables, and so replace the tables of
 * the function.
 */
export const createFunction: Rule = (fields) => {
  const options = optionsOf(fields);
  return isDefiner(options) ? checkSearchPath(options, "The SECURITY DEFINER function") : [];
};

/** ALTER FUNCTION keeps everything else, which lint does not know: it checks only what the statement sets. */
export const alterFunction: Rule = (fields) => {
  const options = optionsIn(fields.actions);
  if (isDefiner(options)) return checkSearchPath(options, "The SECURITY DEFINER function");
  return searchPathOf(options) === undefined ? [] : checkSearchPath(options, "The function, if it is SECURITY DEFINER,");
};

export const isDefiner = (options: readonly Fields[]) =>
  options.some(({ defname, arg }) => defname === "security" && (arg as { Boolean?: { boolval?: boolean } })?.Boolean?.boolval === true);

interface SetStatement {
  readonly name?: string;
  readonly kind?: string;
  readonly args?: readonly unknown[];
}

export function searchPathOf(options: readonly Fields[]): SetStatement | undefined {
  const settings = options
    .filter(({ defname }) => defname === "set")
    .map(({ arg }) => (arg as { VariableSetStmt?: SetStatement } | undefined)?.VariableSetStmt);
  return settings.find((setting) => setting?.name === "search_path" || setting?.kind === "VAR_RESET_ALL");
}

function checkSearchPath(options: readonly Fields[], subject: string): RuleFindings {
  const setting = searchPathOf(options);
  if (setting?.kind !== "VAR_SET_VALUE")
    return warn(
      "definer-search-path",
      `${subject} uses the caller's search path, so the caller decides which tables it accesses as its owner.`,
      "Add SET search_path = …, pg_temp.",
    );
  const path = (setting.args ?? []).map((arg) => (arg as { A_Const?: { sval?: { sval?: string } } }).A_Const?.sval?.sval);
  return path.length > 0 && path.indexOf("pg_temp") === path.length - 1
    ? []
    : warn(
        "definer-temporary-schema",
        `${subject} finds temporary tables first, because pg_temp is not last in its search path. The caller can replace its tables.`,
        "Set search_path = …, pg_temp.",
      );
}

export const createView: Rule = (fields, { set }) => {
  const tables = tablesWithPolicies(fields.query, set);
  return tables.length === 0 || isParameterOn(fields.options, "security_invoker")
    ? []
    : warn(
        "view-bypasses-rls",
        `The view reads ${tables.join(", ")} with the rights of its owner, which bypasses the policies for the querying role.`,
        "CREATE VIEW … WITH (security_invoker = true) AS …",
      );
};

export const createMaterializedView: Rule = (fields, { set }) => {
  const tables = fields.objtype === "OBJECT_MATVIEW" ? tablesWithPolicies(fields.query, set) : [];
  return tables.length === 0
    ? []
    : warn(
        "materialized-view-copies-rls",
        `The materialized view copies rows of ${tables.join(", ")} that its owner reads. No policy applies to the copy, and Postgres has no policies for materialized views.`,
        "Use a view WITH (security_invoker = true), or a table with policies of its own.",
      );
};

/** ALTER VIEW … RESET (security_invoker), or SET to false. */
export const alterView: Rule = (fields) =>
  fields.objtype === "OBJECT_VIEW" &&
  commandsOf(fields).some(({ subtype, def }) => {
    const list = (def as { List?: { items?: unknown } } | undefined)?.List?.items;
    const named = ((list as { DefElem: Fields }[] | undefined) ?? []).some(({ DefElem }) => DefElem.defname === "security_invoker");
    return named && (subtype === "AT_ResetRelOptions" || (subtype === "AT_SetRelOptions" && !isParameterOn(list, "security_invoker")));
  })
    ? warn(
        "view-bypasses-rls",
        `${tableName(fields.relation)} then reads its tables with the rights of its owner, which bypasses the policies for the querying role.`,
        "Keep security_invoker = true.",
      )
    : [];

function tablesWithPolicies(query: unknown, set: FileSet): string[] {
  const text = JSON.stringify(query);
  return set.rlsEnabled.names.filter((name) => text.includes(`"relname":"${name.split(".").at(-1)}"`));
}

export const alterDefaultPrivileges: Rule = (fields) =>
  optionsOf(fields).some(({ defname }) => defname === "roles")
    ? []
    : warn(
        "default-privileges-without-role",
        "Without FOR ROLE the default privileges cover only objects of the role that runs this file.",
        "Use ALTER DEFAULT PRIVILEGES FOR ROLE owner …, or leave them to the roles step, which sets them.",
      );

export const grant: Rule = (fields) => {
  const toPublic = ((fields.grantees as { RoleSpec?: { roletype?: string } }[] | undefined) ?? []).some(
    ({ RoleSpec }) => RoleSpec?.roletype === "ROLESPEC_PUBLIC",
  );
  return fields.is_grant && toPublic
    ? warn("grant-to-public", "PUBLIC includes every role of the cluster, also those of other applications.")
    : [];
};

export const createOrAlterRole: Rule = (fields) =>
  optionsOf(fields).some(({ defname, arg }) => defname === "password" && stringOf(arg) !== undefined)
    ? warn(
        "password-in-file",
        "The password is stored in every clone of the repository and in the server's log.",
        "Create the user through the provider, or generate the password in the stack.",
      )
    : [];
