/** Names that Postgres, DigitalOcean and Pulumi accept. */
import { MOST_ROLE_CHARACTERS } from "../../catalog/alternate-user.ts";
import { printable } from "../../catalog/problem.ts";
import { components, type Report, type Rule } from "./rule.ts";

/** What a stack may append to an app's name. */
const LONGEST_SUFFIX = "-staging";
const APP_NAME_LIMIT = 32;
/** Aliases of the system's databases in an App spec; no component or store may have one of these names. */
const TAKEN_ALIASES = ["db", "owner", "admin"];

const RESERVED = {
  database: ["postgres", "template0", "template1", "defaultdb", "_dodb"],
  schema: ["information_schema"],
  role: ["postgres", "doadmin", "public", "none", "current_user", "current_role", "session_user"],
} as const;

export const systemName: Rule = ({ name }, report) =>
  matches(report, "name", name, /^[a-z][a-z0-9-]{1,19}$/, "2 to 20 of a-z, 0-9 and dashes, starting with a letter");

/** They become parts of resource names and of the buckets' own names. */
export const bucketNames: Rule = ({ buckets = {} }, report) => {
  for (const bucket of Object.keys(buckets))
    matches(
      report,
      `buckets.${bucket}`,
      bucket,
      /^[a-z][a-z0-9-]{0,18}[a-z0-9]$/,
      "2 to 20 of a-z, 0-9 and dashes, starting with a letter",
    );
};

/** They become parts of config keys: slipway:shopGoogleClientSecret. */
export const recordKeys: Rule = (system, report) => {
  const { keyspaces, secrets, features, settings = {} } = system;
  const homes = { keyspaces, secrets, features, settings };
  for (const [home, entries] of Object.entries(homes))
    for (const key of Object.keys(entries))
      matches(report, `${home}.${key}`, key, /^[a-z][A-Za-z0-9]{0,39}$/, "a lower-case letter, then letters and digits, 40 at most");
  for (const key of Object.keys(system.apps))
    matches(report, `apps.${key}`, key, /^[a-z][a-z0-9-]{0,31}$/, "a-z, 0-9 and dashes, starting with a letter, 32 at most");
};

export const sqlIdentifiers: Rule = ({ postgres }, report) => {
  identifier("database", postgres.database, "postgres.database");
  postgres.schemas.forEach((schema, index) => {
    identifier("schema", schema, `postgres.schemas.${index}`);
  });
  for (const [kind, role] of Object.entries(postgres.roles)) identifier("role", role, `postgres.roles.${kind}`);
  distinct(report, Object.entries(postgres.roles), (kind) => `postgres.roles.${kind}`, "role");
  distinct(
    report,
    postgres.schemas.map((schema, index) => [String(index), schema]),
    (index) => `postgres.schemas.${index}`,
    "schema",
  );
  postgres.extensions.forEach((extension, index) => {
    matches(
      report,
      `postgres.extensions.${index}`,
      extension,
      /^[a-z][a-z0-9_-]{0,62}$/,
      "an extension's name as in pg_available_extensions",
    );
  });
  for (const pool of Object.keys(postgres.pools))
    matches(
      report,
      `postgres.pools.${pool}`,
      pool,
      /^[a-z][a-z0-9_-]{2,59}$/,
      "3 to 60 of a-z, 0-9, dashes and underscores, starting with a letter",
    );

  function identifier(what: keyof typeof RESERVED, name: string, path: string): void {
    // A rotation appends to the name of a role.
    const most = what === "role" ? MOST_ROLE_CHARACTERS : 63;
    const pattern = new RegExp(`^[a-z_][a-z0-9_]{0,${most - 1}}$`);
    if (!matches(report, path, name, pattern, `a-z, 0-9 and underscores, not starting with a digit, ${most} at most`)) return;
    if (!name.startsWith("pg_") && !(RESERVED[what] as readonly string[]).includes(name)) return;
    report({
      path,
      given: printable(name),
      problem: "Postgres or DigitalOcean reserves it",
      allowed: `a ${what} of the system's own`,
      fix: `Rename the ${what}.`,
    });
  }
};

export const appNames: Rule = ({ apps }, report) => {
  const limit = APP_NAME_LIMIT - LONGEST_SUFFIX.length;
  for (const [key, { name, domain }] of Object.entries(apps)) {
    matches(
      report,
      `apps.${key}.name`,
      name,
      new RegExp(`^[a-z][a-z0-9-]{0,${limit - 2}}[a-z0-9]$`),
      `2 to ${limit} of a-z, 0-9 and dashes, so that "${LONGEST_SUFFIX}" still fits into App Platform's ${APP_NAME_LIMIT}`,
    );
    if (domain !== undefined)
      matches(
        report,
        `apps.${key}.domain`,
        domain,
        /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/,
        "a host name without scheme and path",
      );
  }
};

export const componentNames: Rule = (system, report) => {
  const aliases = [...TAKEN_ALIASES, ...Object.keys(system.stores)];
  for (const store of Object.keys(system.stores))
    matches(
      report,
      `stores.${store}`,
      store,
      /^(?!(db|owner|admin)$)[a-z][a-z0-9-]{0,30}[a-z0-9]$/,
      `2 to 32 of a-z, 0-9 and dashes; not ${TAKEN_ALIASES.join(", ")}`,
    );

  const appOf = new Map<string, string>();
  for (const { app, name, path } of components(system)) {
    if (!matches(report, path, name, /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/, "2 to 32 of a-z, 0-9 and dashes, starting with a letter")) continue;
    if (aliases.includes(name))
      report({
        path,
        given: printable(name),
        problem: "a reference of the app to a database has this name",
        allowed: `not ${aliases.join(", ")}`,
        fix: "Rename the component.",
      });
    const home = appOf.get(name);
    if (home === undefined) appOf.set(name, app);
    else
      report({
        path,
        given: printable(name),
        problem: `the app "${home}" has a component of this name, and a stack sizes components by name`,
        allowed: "a name that no other component of the system has",
        fix: "Rename one of the two.",
      });
  }
};

export const oneApi: Rule = (system, report) => {
  const apis = components(system).filter(({ name }) => name === "api");
  if (apis.length === 0)
    report({
      path: "apps",
      problem: "no component is called api",
      allowed: "exactly one component called api: the service that serves the system's API",
      fix: "Call the backend service api.",
    });
  for (const { component, path } of apis)
    if (component.kind !== "service")
      report({
        path: `${path}.kind`,
        given: printable(component.kind),
        allowed: "service",
        fix: "Make it a service, or give the name to the one that is.",
      });
};

function matches(report: Report, path: string, given: string, pattern: RegExp, allowed: string): boolean {
  const good = pattern.test(given);
  if (!good) report({ path, given: printable(given), allowed, fix: "Rename it." });
  return good;
}

function distinct(report: Report, entries: readonly (readonly [string, string])[], path: (key: string) => string, what: string): void {
  const seen = new Map<string, string>();
  for (const [key, name] of entries) {
    const other = seen.get(name);
    if (other === undefined) seen.set(name, key);
    else
      report({
        path: path(key),
        given: printable(name),
        problem: `${path(other)} has this name too`,
        allowed: `each ${what} once`,
        fix: `Rename one ${what}, or remove it.`,
      });
  }
}
