/** A connection that failed, as a finding: the cause is that of the engines, the next step is one to type. */
import { Failure } from "../../../postdeploy/connect/failure.ts";
import { identifier } from "../../../postdeploy/connect/quote.ts";
import { type DatabaseError, sqlstate } from "../../../postdeploy/connect/sqlstate.ts";
import { type Connection, FETCH_CA, nameOf, targetOf } from "../../../postdeploy/connect/target.ts";
import type { Finding, NextStep } from "../finding.ts";
import { admitThisMachine, findHost, LIST_CLUSTERS, showListeners, useNameOfCertificate, WAIT_FOR_SERVER } from "../next-steps.ts";

/** @throws what is no failure of a connection, and what is wrong with the URL itself. */
export function connectionFinding(error: unknown, connection: Connection): Finding {
  if (!(error instanceof Failure) || error.code === "bad-url") throw error;
  const target = targetOf(connection);
  return {
    id: `connection-${error.code}`,
    severity: "error",
    subject: nameOf(target),
    evidence: error.message,
    next: nextStep(error, target),
  };
}

function nextStep(error: Failure, { host, port, user, database }: ReturnType<typeof targetOf>): NextStep {
  const isLocal = /^(localhost|127\.|::1)/.test(host);
  switch (error.code) {
    case "no-such-host":
      return findHost(host);
    case "refused":
      return isLocal
        ? { text: "Start the server, or correct the port.", command: showListeners(port) }
        : { text: "See whether the cluster is online, and its port.", command: LIST_CLUSTERS };
    case "no-answer":
      return admitThisMachine(host, port);
    case "no-tls":
      return {
        text: "Let the server offer TLS, or name the right port. DigitalOcean's is 25060.",
        sql: ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"],
      };
    case "wrong-ca":
    case "expired-certificate":
      return { text: "Fetch the CA of the cluster again, and pass it with --ca ca.pem.", command: FETCH_CA };
    case "wrong-host":
      return useNameOfCertificate(host, port, "-starttls postgres ");
    case "not-let-in":
      return { text: "Pass the CA certificate, so that slipway connects with TLS.", command: `slipway doctor --ca ca.pem` };
    case "wrong-password":
      return { text: "Read the present password.", command: "doctl databases user list ID" };
    case "no-database":
      return {
        text: "Create it with the deployment; or, by hand, connected to another database:",
        sql: [`CREATE DATABASE ${identifier(database)}`],
      };
    case "no-connection-free":
      return connectionLimit(error, user, database);
    case "pooled":
      return { text: "Name the direct address of the cluster and the database.", command: "doctl databases connection ID" };
    case "server-starting":
      return WAIT_FOR_SERVER;
    default:
      return {
        text: "See what the server's log says.",
        command: `openssl s_client -connect ${host}:${port} -starttls postgres </dev/null`,
      };
  }
}

/** Three limits give the same code. */
function connectionLimit(error: Failure, user: string, database: string): NextStep {
  const { message } = error.cause as DatabaseError;
  if (/^too many connections for role/.test(message))
    return {
      text: "The role has a limit of its own. Remove it, as the administrator.",
      sql: [`ALTER ROLE ${identifier(user)} CONNECTION LIMIT -1`],
    };
  if (/^too many connections for database/.test(message))
    return {
      text: "The database has a limit of its own. Remove it, as the administrator.",
      sql: [`ALTER DATABASE ${identifier(database)} CONNECTION LIMIT -1`],
    };
  return {
    text: "End idle connections, as the administrator (DigitalOcean reserves some connections for it); then reduce a pool or resize the cluster.",
    sql: ["SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE state = 'idle' AND backend_type = 'client backend'"],
  };
}

/** The connection ended, or a check is not allowed. undefined: neither. */
export function reasonUnchecked(error: unknown): string | undefined {
  const { message } = error as Error;
  switch (sqlstate(error)) {
    case "42501":
      return `the role may not read it (${message})`;
    case "55P03":
      return "another session holds an exclusive lock on it";
    case "57014":
      return "it took longer than 15 s";
    default:
      return error instanceof Failure ? message : undefined;
  }
}
