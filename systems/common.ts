/** What more than one product asks for in the same words. */
import { type AlertPolicy, type BackupPolicy, env, type Source } from "./definition.ts";

/**
 * A line with long-term support. App Platform's buildpack takes it from "engines" in the application's own package.json and from nowhere
 * else, so this package cannot choose it: the build refuses any other, and says what to write.
 */
const NODE_LINE = 24;
const REFUSE_OTHER_NODE =
  `node --version | grep -q '^v${NODE_LINE}[.]' || ` +
  `{ echo 'This application runs on Node ${NODE_LINE}. Write "engines": { "node": "${NODE_LINE}.x" } in its package.json.' >&2; exit 1; }`;

/**
 * No document names a repository. `your-org/…` is a stand-in that a stack replaces with its own under `repos`.
 */
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
 * Postgres is verified by every client in a Node process, also by code that builds its connection from single fields: node-postgres takes
 * the mode from PGSSLMODE, but no certificate from PGSSLROOTCERT (brianc/node-postgres#2723), so Node itself is told to trust it.
 */
export const verifiedFromNode = {
  DATABASE_CA_CERT: env.database("ca"),
  PGSSLMODE: env.plain("verify-full"),
  NODE_EXTRA_CA_CERTS: env.caFile(),
} as const;

/** Where a product's documents say nothing; FluxStudio's own, the only complete ones among the three. */
export const defaultBackups: BackupPolicy = {
  postgres: { daily: 30, weekly: 12, monthly: 12, yearly: 5, hourUtc: 2 },
  copies: ["primary", "offsite"],
};

/** Where a product's documents say nothing. */
export const defaultAlerts: AlertPolicy = {
  emails: [],
  cpu: 80,
  memory: 85,
  disk: 80,
  latency: 500,
  restartsPerHour: 3,
  connections: 80,
};

/** Long enough for any page, short enough that a query without an end gives its connection back. */
export const STATEMENT_TIMEOUT_SECONDS = 30;
/** The latency at which FluxStudio's API wakes somebody: a single statement that takes as long is worth a line in the log. */
export const SLOW_STATEMENT_MS = 500;
