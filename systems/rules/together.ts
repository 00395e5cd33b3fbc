/** Names that two systems of one account may not share, whichever of them a stack selects. */

import { alternateOf } from "../../catalog/alternate-user.ts";
import { type Problem, printable } from "../../catalog/problem.ts";
import type { System } from "../definition.ts";
import { pathOf } from "./rule.ts";

export function together(systems: readonly System[]): Problem[] {
  return [...sharedNames(systems), ...alternateNames(systems)];
}

/** A rotation creates a second user of a role, whose name no role may have. */
function alternateNames(systems: readonly System[]): Problem[] {
  const roles = systems.flatMap(({ name, postgres }) =>
    Object.entries(postgres.roles).map(([kind, role]) => ({ role, path: pathOf(name, `postgres.roles.${kind}`) })),
  );
  return roles.flatMap(({ role, path }) => {
    const other = roles.find((one) => alternateOf(one.role) === role);
    return other === undefined
      ? []
      : [
          {
            path,
            given: printable(role),
            problem: `a rotation of ${other.path} creates a user of this name`,
            allowed: `a name other than ${role}`,
            fix: "Rename one role.",
          },
        ];
  });
}

function sharedNames(systems: readonly System[]): Problem[] {
  const taken = new Map<string, string>();
  return systems.flatMap((system) =>
    claims(system).flatMap(({ what, name, path, why }) => {
      const key = `${what} ${name}`;
      const other = taken.get(key);
      if (other === undefined) {
        taken.set(key, system.name);
        return [];
      }
      return [
        {
          path: pathOf(system.name, path),
          given: printable(name),
          problem: other === system.name ? "it is there twice" : `${other} has this ${what} too`,
          allowed: `a ${what} of its own: ${why}`,
          fix: `Rename one ${what}.`,
        },
      ];
    }),
  );
}

function claims({ name, apps, postgres }: System): { what: string; name: string; path: string; why: string }[] {
  const onCluster = "a stack may put all systems on one cluster";
  return [
    { what: "name", name, path: "name", why: "resources are named for it" },
    { what: "database", name: postgres.database, path: "postgres.database", why: onCluster },
    ...Object.entries(postgres.roles).map(([kind, role]) => ({ what: "role", name: role, path: `postgres.roles.${kind}`, why: onCluster })),
    ...Object.keys(postgres.pools).map((pool) => ({ what: "pool", name: pool, path: `postgres.pools.${pool}`, why: onCluster })),
    ...Object.entries(apps).map(([key, app]) => ({
      what: "app name",
      name: app.name,
      path: `apps.${key}.name`,
      why: "it is unique in an account",
    })),
    ...Object.entries(apps).flatMap(([key, { domain }]) =>
      domain === undefined ? [] : [{ what: "domain", name: domain, path: `apps.${key}.domain`, why: "one app serves it" }],
    ),
  ];
}
