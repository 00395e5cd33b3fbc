/** What a variable may hold, and when. */

import { looksSecret, namesSecret } from "../../catalog/secrets.ts";
import { oneOf, shown } from "../mistake.ts";
import { components, type Rule, variables } from "./rule.ts";

export const keysWellFormed: Rule = (system, report) => {
  for (const { key, path } of variables(system)) {
    if (/^[A-Z_][A-Z0-9_]*$/.test(key)) continue;
    report({
      path,
      given: shown(key),
      allowed: "capital letters, digits and underscores, not starting with a digit",
      mend: "Rename the variable.",
    });
  }
};

/** What is there while an app is built ends up in what its browsers download, and references are not filled in yet. */
export const nothingSecretAtBuild: Rule = (system, report) => {
  for (const { value, path } of variables(system)) {
    if (value.scope === "RUN_TIME" || ["plain", "setting", "app"].includes(value.from)) continue;
    report({
      path: `${path}.scope`,
      given: `${value.scope} for a ${value.from}`,
      allowed: "RUN_TIME; at build time only plain values, settings and the app's own address",
      mend: 'Write scope: "RUN_TIME".',
    });
  }
};

/** A static site is files: nothing of it runs, so nothing reads a variable. */
export const sitesReadAtBuild: Rule = (system, report) => {
  for (const { value, component, path } of variables(system)) {
    if (component.kind !== "site" || value.scope === "BUILD_TIME") continue;
    report({
      path: `${path}.scope`,
      given: `${value.scope} in a static site`,
      allowed: "BUILD_TIME",
      mend: "Use env.build(…), or move the variable to a service.",
    });
  }
};

/** Where Postgres, PgBouncer and Valkey listen, at DigitalOcean and by default. */
const PORTS = ["5432", "6432", "6379", "6380", "25060", "25061", "25062"];

export const plainIsPlain: Rule = (system, report) => {
  for (const { key, value, path } of variables(system)) {
    if (value.from !== "plain") continue;
    const at = `${path}.value`;
    const port = PORTS.find((port) => new RegExp(`(^|:)${port}(?![0-9])`).test(value.value));
    if (looksSecret(value.value) || namesSecret(key))
      report({
        path: at,
        given: looksSecret(value.value) ? shown(value.value) : "a plain value under the name of a secret",
        allowed: "a plain value that anybody may read",
        mend: `Declare a secret and write ${key}: env.secret("…"), or env.database("url") for a connection.`,
      });
    else if (port !== undefined)
      report({
        path: at,
        given: `the port ${port}`,
        allowed: "no port of a database or a store: it is known only once the cluster is there",
        mend: 'Use env.database("port"), env.keyspace("…", "port") or a URL.',
      });
    else if (value.value.includes("${"))
      report({
        path: at,
        given: shown(value.value),
        allowed: "no reference: App Platform would fill in what this definition does not declare",
        mend: "Use env.database(…), env.keyspace(…) or env.app(…).",
      });
  }
};

/** No way round the check of a server's certificate. */
export const tlsVerified: Rule = (system, report) => {
  for (const { key, value, path } of variables(system)) {
    if (/TLS_REJECT_UNAUTHORIZED$/.test(key)) {
      report({
        path,
        given: shown(key),
        allowed: "no switch that turns verification off",
        mend: "Remove it, and let the client trust the cluster's CA: NODE_EXTRA_CA_CERTS: env.caFile().",
      });
      continue;
    }
    if (value.from !== "plain") continue;
    const mode = /SSLMODE$/.test(key) ? value.value : /[?&](?:sslmode|ssl)=([^&]*)/.exec(value.value)?.[1];
    if (mode !== undefined && mode !== "verify-full")
      report({ path: `${path}.value`, given: shown(mode), allowed: "verify-full", mend: 'Write env.plain("verify-full").' });
    if (/^redis:/.test(value.value))
      report({
        path: `${path}.value`,
        given: "redis://, which is not encrypted",
        allowed: "rediss://",
        mend: 'Use env.keyspace("…"): it knows host, port and password too.',
      });
  }
};

/** App Platform mounts no files: the run command writes this one, out of the component's own certificates. */
export const caFileCanBeWritten: Rule = (system, report) => {
  for (const { component, path } of components(system)) {
    const values = Object.values(component.env);
    if (!values.some((value) => value.from === "caFile")) continue;
    if (component.source.runCommand === undefined)
      report({
        path: `${path}.source.runCommand`,
        given: "nothing",
        allowed: "a command, because the file of env.caFile() is written right before it",
        mend: 'Name the command that starts the component: runCommand: "npm start".',
      });
    if (!values.some((value) => "part" in value && value.part === "ca"))
      report({
        path: `${path}.env`,
        given: "env.caFile() without a certificate to put into it",
        allowed: 'a file of the certificates that the component reads as part "ca"',
        mend: 'Add DATABASE_CA_CERT: env.database("ca"), or remove the file.',
      });
  }
};

export const databaseOptionsFit: Rule = (system, report) => {
  for (const { value, path } of variables(system)) {
    if (value.from === "budget" && value.least > value.wish)
      report({
        path: `${path}.least`,
        given: String(value.least),
        allowed: `1 to ${value.wish}, what it wishes for`,
        mend: "Lower the least, or wish for more.",
      });
    if (value.from !== "database") continue;
    if (value.driver !== undefined && value.part !== "url")
      report({
        path: `${path}.driver`,
        given: shown(value.driver),
        allowed: "a driver in a URL only",
        mend: 'Remove it, or ask for the part "url".',
      });
    if (value.pool !== undefined && value.replica)
      report({
        path: `${path}.pool`,
        given: `${shown(value.pool)} on a read replica`,
        allowed: oneOf(["a pool", "a replica"]),
        mend: "Remove one: pools stand before the primary.",
      });
  }
};
