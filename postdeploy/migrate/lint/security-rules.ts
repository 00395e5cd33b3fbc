/** Rules about access: row-level security, grants, functions and passwords. */
import { type Fields, isParameterOn, stringOf, tableName } from "../read/statement.ts";
import { type Rule, warn } from "./rule.ts";

const optionsOf = ({ options }: Fields): Fields[] => ((options as { DefElem: Fields }[] | undefined) ?? []).map(({ DefElem }) => DefElem);

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

export const createFunction: Rule = (fields) => {
  const options = optionsOf(fields);
  const definer = options.some(
    ({ defname, arg }) => defname === "security" && (arg as { Boolean?: { boolval?: boolean } })?.Boolean?.boolval === true,
  );
  const pinned = options.some(
    ({ defname, arg }) => defname === "set" && (arg as { VariableSetStmt?: { name?: string } })?.VariableSetStmt?.name === "search_path",
  );
  return definer && !pinned
    ? warn(
        "definer-search-path",
        "The SECURITY DEFINER function uses the caller's search path, so the caller decides which tables it accesses as its owner.",
        "Add SET search_path = …, pg_temp to CREATE FUNCTION.",
      )
    : [];
};

export const createView: Rule = (fields, { set }) => {
  const query = JSON.stringify(fields.query);
  const tables = set.rlsEnabled.names.filter((name) => query.includes(`"relname":"${name.split(".").at(-1)}"`));
  return tables.length === 0 || isParameterOn(fields.options, "security_invoker")
    ? []
    : warn(
        "view-bypasses-rls",
        `The view reads ${tables.join(", ")} with the rights of its owner, which bypasses the policies for the querying role.`,
        "CREATE VIEW … WITH (security_invoker = true) AS …",
      );
};

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
