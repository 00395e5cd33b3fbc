/** Rules for variables: names, scopes and values. */

import { printable } from "../../catalog/problem.ts";
import { holdsSecret } from "../../catalog/secrets.ts";
import { components, type Rule, variables } from "./rule.ts";

export const keysWellFormed: Rule = (system, report) => {
  for (const { key, path } of variables(system)) {
    if (/^[A-Z_][A-Z0-9_]*$/.test(key)) continue;
    report({
      path,
      given: printable(key),
      allowed: "capital letters, digits and underscores, not starting with a digit",
      fix: "Rename the variable.",
    });
  }
};

/** What a build reads can end up in files that browsers download, and App Platform resolves references at run time only. */
export const nothingSecretAtBuild: Rule = (system, report) => {
  for (const { value, path } of variables(system)) {
    if (value.scope === "RUN_TIME" || ["plain", "setting", "app"].includes(value.from)) continue;
    report({
      path: `${path}.scope`,
      given: printable(value.scope),
      problem: `the variable reads a ${value.from}`,
      allowed: "RUN_TIME; at build time only plain values, settings and the app's own address",
      fix: 'Write scope: "RUN_TIME".',
    });
  }
};

/** A static site has no process that could read a variable at run time. */
export const sitesReadAtBuild: Rule = (system, report) => {
  for (const { value, component, path } of variables(system)) {
    if (component.kind !== "site" || value.scope === "BUILD_TIME") continue;
    report({
      path: `${path}.scope`,
      given: printable(value.scope),
      problem: "a static site has no process that could read it at run time",
      allowed: "BUILD_TIME",
      fix: "Use env.build(…), or move the variable to a service.",
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
    // A name alone refuses nothing: the audit reports it (secret-named), where it can be allowed.
    if (holdsSecret(key, value.value))
      report({
        path: at,
        problem: `it is a value of ${value.value.length} characters that looks like a secret`,
        allowed: "a value that anyone may read",
        fix: `Declare a secret and write ${key}: env.secret("…"), or env.database("url") for a connection.`,
      });
    else if (port !== undefined)
      report({
        path: at,
        problem: `it contains the port ${port}, and a database's port is known only once its cluster exists`,
        allowed: "no port of a database or a store",
        fix: 'Use env.database("port"), env.keyspace("…", "port") or a URL.',
      });
    else if (value.value.includes("${"))
      report({
        path: at,
        given: printable(value.value),
        problem: "App Platform would replace the reference with something that this definition does not declare",
        allowed: "no reference",
        fix: "Use env.database(…), env.keyspace(…) or env.app(…).",
      });
  }
};

/** No variable turns off the verification of a server's certificate. */
export const tlsVerified: Rule = (system, report) => {
  for (const { key, value, path } of variables(system)) {
    if (/TLS_REJECT_UNAUTHORIZED$/.test(key)) {
      report({
        path,
        problem: "it turns off the verification of certificates",
        allowed: "no variable of this name",
        fix: "Remove it, and let the client trust the cluster's CA: NODE_EXTRA_CA_CERTS: env.caFile().",
      });
      continue;
    }
    if (value.from !== "plain") continue;
    const mode = /SSLMODE$/.test(key) ? value.value : /[?&](?:sslmode|ssl)=([^&]*)/.exec(value.value)?.[1];
    if (mode !== undefined && mode !== "verify-full")
      report({ path: `${path}.value`, given: printable(mode), allowed: "verify-full", fix: 'Write env.plain("verify-full").' });
    if (/^redis:/.test(value.value))
      report({
        path: `${path}.value`,
        problem: "it is a redis:// URL, which is not encrypted",
        allowed: "rediss://",
        fix: 'Use env.keyspace("…"): it includes host, port and password.',
      });
  }
};

/** App Platform mounts no files, so the run command writes this one from the component's certificates. */
export const caFileCanBeWritten: Rule = (system, report) => {
  for (const { component, path } of components(system)) {
    const values = Object.values(component.env);
    if (!values.some((value) => value.from === "caFile")) continue;
    if (component.source.runCommand === undefined)
      report({
        path: `${path}.source.runCommand`,
        problem: "it is missing, and slipway writes the file of env.caFile() right before it",
        allowed: "a command",
        fix: 'Name the command that starts the component: runCommand: "npm start".',
      });
    if (!values.some((value) => "part" in value && value.part === "ca"))
      report({
        path: `${path}.env`,
        problem: "it has env.caFile() and no certificate to write into the file",
        allowed: 'env.caFile() together with a variable that reads the part "ca"',
        fix: 'Add DATABASE_CA_CERT: env.database("ca"), or remove the file.',
      });
  }
};

/** Only a bucket with a CDN has the CDN's address. */
export const cdnDeclared: Rule = (system, report) => {
  for (const { value, path } of variables(system)) {
    if (value.from !== "bucket" || value.part !== "cdnUrl" || system.buckets?.[value.bucket]?.cdn) continue;
    report({
      path: `${path}.part`,
      given: printable(value.part),
      problem: `the bucket "${value.bucket}" has no CDN`,
      allowed: "name, region, endpoint, accessKey, secretKey",
      fix: `Write cdn: true for the bucket "${value.bucket}", or read another part.`,
    });
  }
};

export const databaseOptionsFit: Rule = (system, report) => {
  for (const { value, path } of variables(system)) {
    if (value.from === "budget" && value.least > value.wish)
      report({
        path: `${path}.least`,
        given: String(value.least),
        allowed: `1 to ${value.wish}, the number of connections that it requests`,
        fix: "Lower the least, or raise the wish.",
      });
    if (value.from !== "database") continue;
    if (value.driver !== undefined && value.part !== "url")
      report({
        path: `${path}.driver`,
        given: printable(value.driver),
        allowed: "a driver in a URL only",
        fix: 'Remove it, or read the part "url".',
      });
    if (value.pool !== undefined && value.replica)
      report({
        path: `${path}.pool`,
        given: printable(value.pool),
        problem: "pools are in front of the primary, and the variable reads a replica",
        allowed: "a pool or a replica",
        fix: "Remove one of the two.",
      });
  }
};
