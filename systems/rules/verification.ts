/** Rules for what `slipway verify` requests and measures. */
import { printable } from "../../catalog/problem.ts";
import { findRoute } from "../../catalog/routes.ts";
import type { System } from "../definition.ts";
import { components, type Report, type Rule } from "./rule.ts";

export const probesRouted: Rule = (system, report) => {
  for (const { app, name, component, path } of components(system)) {
    if (component.kind !== "service") continue;
    component.checks?.probes?.forEach((probe, index) => {
      if (ownerOf(system, app, probe.path) === name) return;
      report({
        path: `${path}.checks.probes.${index}.path`,
        given: printable(probe.path),
        allowed: `a path that the app's router leads to this component: ${component.routes.join(", ")}`,
        fix: "Move the probe to the component that serves this path.",
      });
    });
  }
};

/** The component with the longest matching prefix. */
function ownerOf(system: System, app: string, path: string): string | undefined {
  const routes = Object.entries(system.apps[app]!.components).flatMap(([name, component]) =>
    "routes" in component ? component.routes.map((prefix) => ({ name, prefix })) : [],
  );
  return findRoute(routes, path)?.name;
}

export const canariesInSchemas: Rule = (system, report) => {
  const { schemas } = system.postgres;
  for (const { component, path } of components(system)) {
    if (component.kind !== "service") continue;
    component.checks?.probes?.forEach(({ lists }, index) => {
      if (lists === undefined) return;
      const at = `${path}.checks.probes.${index}.lists`;
      const [, schema = ""] = /^([^.]+)\.[^.]+$/.exec(lists.table) ?? [];
      if (!schemas.includes(schema))
        report({
          path: `${at}.table`,
          given: printable(lists.table),
          allowed: `schema.table, in one of the schemas ${schemas.join(", ")}`,
          fix: "Name the table with its schema.",
        });
      if (lists.key in lists.values) keyTwice(report, `${at}.key`, lists.key);
    });
  }
};

const keyTwice = (report: Report, path: string, key: string): void =>
  report({
    path,
    given: printable(key),
    problem: "values has a value for it as well",
    allowed: "a column that only slipway fills: it identifies the row",
    fix: "Remove it from values.",
  });

export const targetPathsAbsolute: Rule = ({ targets = [] }, report) => {
  targets.forEach((target, index) => {
    if ("path" in target && !target.path.startsWith("/"))
      report({
        path: `targets.${index}.path`,
        given: printable(target.path),
        allowed: "a path that begins with /",
        fix: "Write the path.",
      });
  });
};
