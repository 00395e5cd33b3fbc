/** Statements that open a door, or leave one open. */
import { isParameterOn } from "../outside.ts";
import { type Fields, type Rule, table, text, warn } from "./rule.ts";

export const policy: Rule = (fields, { set }) => {
  const on = table(fields.table);
  return set.isNew(on) && !set.protected.some(on)
    ? [
        warn(
          "policy-without-rls",
          `${on} has a policy, and row-level security is not switched on: the policy does nothing.`,
          `ALTER TABLE ${on} ENABLE ROW LEVEL SECURITY;`,
        ),
      ]
    : [];
};

export const createFunction: Rule = (fields) => {
  const options = ((fields.options as { DefElem: Fields }[] | undefined) ?? []).map(({ DefElem }) => DefElem);
  const definer = options.some(
    ({ defname, arg }) => defname === "security" && (arg as { Boolean?: { boolval?: boolean } })?.Boolean?.boolval === true,
  );
  const pinned = options.some(
    ({ defname, arg }) => defname === "set" && (arg as { VariableSetStmt?: { name?: string } })?.VariableSetStmt?.name === "search_path",
  );
  return definer && !pinned
    ? [
        warn(
          "definer-search-path",
          "A SECURITY DEFINER function finds its tables by the caller's search path: the caller chooses what it reads as its owner.",
          "SET search_path = …, pg_temp as part of CREATE FUNCTION.",
        ),
      ]
    : [];
};

export const view: Rule = (fields, { set }) => {
  const guarded = set.protected.names.filter((name) => JSON.stringify(fields.query).includes(`"relname":"${name.split(".").at(-1)}"`));
  return guarded.length === 0 || isParameterOn(fields.options, "security_invoker")
    ? []
    : [
        warn(
          "view-bypasses-rls",
          `The view reads ${guarded.join(", ")} with its owner's rights, not those of who asks.`,
          "CREATE VIEW … WITH (security_invoker = true) AS …",
        ),
      ];
};

export const defaultPrivileges: Rule = (fields) => {
  const whose = ((fields.options as { DefElem: Fields }[] | undefined) ?? []).some(({ DefElem }) => DefElem.defname === "roles");
  return whose
    ? []
    : [
        warn(
          "default-privileges-for-whom",
          "Without FOR ROLE this covers only what the role that runs this file makes later.",
          "ALTER DEFAULT PRIVILEGES FOR ROLE owner …; the roles step does it.",
        ),
      ];
};

export const grant: Rule = (fields) => {
  const everyone = ((fields.grantees as { RoleSpec?: { roletype?: string } }[] | undefined) ?? []).some(
    ({ RoleSpec }) => RoleSpec?.roletype === "ROLESPEC_PUBLIC",
  );
  return fields.is_grant && everyone
    ? [warn("grant-to-public", "PUBLIC is every role of the cluster, also those of other applications.")]
    : [];
};

export const role: Rule = (fields) => {
  const options = ((fields.options as { DefElem: Fields }[] | undefined) ?? []).map(({ DefElem }) => DefElem);
  const password = options.some(({ defname, arg }) => defname === "password" && text(arg) !== undefined);
  return password
    ? [
        warn(
          "password-in-file",
          "A password in a file is in every clone of the repository, and in the server's log.",
          "Let the provider make the user, or the stack generate the password.",
        ),
      ]
    : [];
};
