/** Parts that several products share. */
import { type AlertPolicy, type BackupPolicy, env, type Source } from "./definition.ts";

/**
 * A release line with long-term support. App Platform's buildpack reads it from "engines" in the application's package.json and nowhere else, so the
 * build can only refuse another line.
 */
const NODE_LINE = 24;
const REFUSE_OTHER_NODE =
  `node --version | grep -q '^v${NODE_LINE}[.]' || ` +
  `{ echo 'This application runs on Node ${NODE_LINE}. Write "engines": { "node": "${NODE_LINE}.x" } in its package.json.' >&2; exit 1; }`;

/** No document names a repository. `your-org/…` is a placeholder that a stack replaces under `repos`. */
export function nodeSource(from: { repo: string; dir?: string; build?: string; run?: string }): Source {
  return {
    repo: `your-org/${from.repo}`,
    branch: "main",
    dir: from.dir ?? "/",
    environment: "node-js",
    deployOnPush: true,
    buildCommand: from.build === undefined ? REFUSE_OTHER_NODE : `${REFUSE_OTHER_NODE}; ${from.build}`,
    ...(from.run === undefined ? {} : { runCommand: from.run }),
  };
}

/**
 * Every client in a Node process verifies Postgres, also code that builds its connection from single fields: node-postgres reads PGSSLMODE but not
 * PGSSLROOTCERT (brianc/node-postgres#2723), so Node itself has to trust the certificate.
 */
export const verifiedFromNode = {
  DATABASE_CA_CERT: env.database("ca"),
  PGSSLMODE: env.plain("verify-full"),
  NODE_EXTRA_CA_CERTS: env.caFile(),
} as const;

/** For products whose documents name no hour: FluxStudio's. */
export const defaultBackups: BackupPolicy = { postgres: { hourUtc: 2 } };

/** For products whose documents name no limit. */
export const defaultAlerts: AlertPolicy = {
  emails: [],
  cpu: 80,
  memory: 85,
  disk: 80,
  latency: 500,
  restartsPerHour: 3,
};

/** Long enough for any page, and short enough that an endless query releases its connection. */
export const STATEMENT_TIMEOUT_SECONDS = 30;
/** FluxStudio's alert limit for the latency of its API: a single statement that takes as long is worth a line in the log. */
export const SLOW_STATEMENT_MS = 500;
