/** Rules for routes, sources, health checks and channels. */
import { printable } from "../../catalog/problem.ts";
import { components, type Report, type Rule } from "./rule.ts";

export const pathsAbsolute: Rule = (system, report) => {
  for (const { component, path } of components(system)) {
    absolute(report, `${path}.source.dir`, component.source.dir);
    if ("routes" in component)
      component.routes.forEach((route, index) => {
        absolute(report, `${path}.routes.${index}`, route);
      });
    if (component.kind !== "service") continue;
    absolute(report, `${path}.health.path`, component.health.path);
  }
};

/** The longest prefix wins. Between two equal ones the choice is undefined. */
export const routesUnique: Rule = (system, report) => {
  const taken = new Map<string, string>();
  for (const { app, name, component, path } of components(system)) {
    if (!("routes" in component)) continue;
    component.routes.forEach((route, index) => {
      const other = taken.get(`${app} ${route}`);
      if (other === undefined) taken.set(`${app} ${route}`, name);
      else
        report({
          path: `${path}.routes.${index}`,
          given: printable(route),
          problem: `it already leads to the component "${other}"`,
          allowed: "a prefix that no other component of the app has",
          fix: "Give one of the two a longer prefix.",
        });
    });
  }
};

export const checksEnd: Rule = (system, report) => {
  for (const { component, path } of components(system)) {
    if (component.kind !== "service" || component.health.timeoutSeconds <= component.health.everySeconds) continue;
    report({
      path: `${path}.health.timeoutSeconds`,
      given: String(component.health.timeoutSeconds),
      allowed: `1 to ${component.health.everySeconds}, the time between two checks`,
      fix: "Shorten the timeout, or check less often.",
    });
  }
};

export const reposNamed: Rule = (system, report) => {
  for (const { component, path } of components(system)) {
    if (/^[\w.-]+\/[\w.-]+$/.test(component.source.repo)) continue;
    report({
      path: `${path}.source.repo`,
      given: printable(component.source.repo),
      allowed: "owner/name on GitHub",
      fix: "Write the repository without https://github.com/ and without .git.",
    });
  }
};

/** Only an operator has the webhook of a channel. */
export const webhookFromOperator: Rule = ({ alerts, secrets }, report) => {
  const webhook = alerts.slack?.webhook;
  if (webhook === undefined || secrets[webhook]?.origin !== "generated") return;
  report({
    path: "alerts.slack.webhook",
    given: printable(webhook),
    problem: "it is a generated secret",
    allowed: "an operator secret",
    fix: `Write origin: "operator" for the secret "${webhook}".`,
  });
};

function absolute(report: Report, path: string, given: string): void {
  if (given.startsWith("/") && !/\s/.test(given)) return;
  report({
    path,
    given: printable(given),
    allowed: 'a path that starts with "/" and contains no space',
    fix: `Write "/${given.trim().replace(/^\/+/, "")}".`,
  });
}
