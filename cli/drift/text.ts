/** The roles in the databases of a stack as text: what differs, and the commands that repair it. */
import { isRolesDrift, type RolesDrift } from "../../operate/recover/roles-drift.ts";
import { visible } from "../../report/escape.ts";
import type { Layout } from "../shared/terminal.ts";
import { wrap } from "../shared/wrap.ts";

export function formatRoles(databases: readonly RolesDrift[], flags: string, { style, columns }: Layout): string {
  if (databases.length === 0) return "No roles step has run in this stack, so no database was compared.";
  const blocks = databases.map((one) => {
    const { system, database, cluster, statements, notices, rejected, unread } = one;
    const state = unread === undefined ? (isRolesDrift(one) ? "the roles differ" : "the roles are as declared") : "not compared";
    const lines = [
      ...(unread === undefined ? [] : [unread]),
      ...notices,
      ...rejected.map(
        (role) =>
          `The server rejects the password that the account has of ${role}: it was changed in the database. Reset it: doctl databases user reset ${cluster} ${role}. ` +
          `Then: slipway recover ${flags} --yes`,
      ),
      ...(statements.length === 0 ? [] : [`The next \`pulumi up ${flags}\` runs:`]),
    ];
    return [
      style.bold(`Database ${database} of ${system}: ${state}`),
      ...lines.flatMap((line) => wrap(visible(line), columns - 4).map((part, index) => `  ${index === 0 ? "-" : " "} ${part}`)),
      // On one line, where they can be copied as they are.
      ...statements.map((statement) => `    ${visible(statement)}`),
    ].join("\n");
  });
  return blocks.join("\n\n");
}
