/** Whether the databases of a component answer, in the form that the products document. */

import { connect } from "node:tls";
import pg from "pg";
import { hostOf, isLocal, type PostgresTarget, postgresTargets, type ValkeyTarget, valkeyTargets, warningsOf } from "./connections.ts";

export interface Health {
  readonly status: "ok" | "degraded";
  readonly database?: {
    readonly connected: boolean;
    readonly pool: { readonly totalCount: number; readonly idleCount: number; readonly waitingCount: number };
    readonly error?: string;
  };
  /** By variable: "ok", or the error. */
  readonly connections: Readonly<Record<string, string>>;
  /** By variable: why it was not checked, or why its certificate was not verified. */
  readonly warnings?: Readonly<Record<string, string>>;
}

/** Enough to show that a pool works, and few enough to leave connections for real clients. */
const MAX_CONNECTIONS = 2;

export interface Dependencies {
  health(): Promise<Health>;
  rows(sql: string): Promise<readonly object[]>;
}

export function openDependencies(env: Readonly<Record<string, string | undefined>>, ca: string): Dependencies {
  const databases = postgresTargets(env)
    .filter((target) => isLocal(hostOf(target)))
    .map((target) => ({ target, pool: poolOf(target) }));
  const stores = valkeyTargets(env).filter(({ host }) => isLocal(host));
  const warnings = warningsOf(env);
  return {
    async health() {
      const outcomes = await Promise.all([
        ...databases.map(({ target, pool }) => check(target, () => pool.query("SELECT 1"))),
        ...stores.map((target) => check(target, () => pingValkey(target, ca))),
      ]);
      const [first] = databases;
      const error = outcomes[0]?.[1];
      return {
        status: outcomes.every(([, outcome]) => outcome === "ok") ? "ok" : "degraded",
        ...(first && {
          database: {
            connected: error === "ok",
            pool: { totalCount: first.pool.totalCount, idleCount: first.pool.idleCount, waitingCount: first.pool.waitingCount },
            ...(error !== undefined && error !== "ok" && { error }),
          },
        }),
        connections: Object.fromEntries(outcomes),
        ...(Object.keys(warnings).length > 0 && { warnings }),
      };
    },
    async rows(sql) {
      const [first] = databases;
      if (!first) throw new Error("no variable of this component contains a Postgres URL");
      return (await first.pool.query(sql)).rows as object[];
    },
  };
}

function poolOf({ url }: PostgresTarget): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: 10_000,
    connectionTimeoutMillis: 2_000,
    query_timeout: 5_000,
    allowExitOnIdle: true,
  });
  // The next query reports a lost connection.
  pool.on("error", () => {});
  return pool;
}

async function check({ variable }: PostgresTarget | ValkeyTarget, work: () => Promise<unknown>): Promise<[string, string]> {
  try {
    await work();
    return [variable, "ok"];
  } catch (error) {
    return [variable, (error as Error).message || String((error as NodeJS.ErrnoException).code)];
  }
}

const PING_TIMEOUT_MS = 2_000;

/** Without a client library, so that a placeholder service starts quickly. @throws the error of the server or the connection */
function pingValkey(target: ValkeyTarget, ca: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Without a CA the connection is encrypted, but not verified. The health answer has a warning about it.
    const verification = ca === "" ? { rejectUnauthorized: false } : { ca };
    const socket = connect({ host: target.host, port: target.port, ...verification, timeout: PING_TIMEOUT_MS });
    let reply = "";
    const end = (error?: Error) => {
      socket.destroy();
      if (error) reject(error);
      else resolve();
    };
    socket.once("secureConnect", () => {
      const login = target.user === "" ? ["AUTH", target.password] : ["AUTH", target.user, target.password];
      socket.write(command(login) + command(["SELECT", target.database]) + command(["PING"]));
    });
    socket.on("data", (bytes) => {
      reply += bytes.toString("latin1");
      const refused = /^-(.*)\r\n/m.exec(reply)?.[1];
      if (refused !== undefined) end(new Error(refused));
      else if (reply.includes("+PONG\r\n")) end();
    });
    socket.once("timeout", () => end(new Error(`no answer within ${PING_TIMEOUT_MS / 1000} seconds`)));
    socket.once("error", end);
    socket.once("close", () => end(new Error("the connection was closed")));
  });
}

const command = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
