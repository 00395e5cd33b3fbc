import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { Socket, type TcpSocketConnectOpts } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import type { BackedCluster, Endpoint } from "../../cloud/backing.ts";
import { serversFolder } from "../context.ts";
import { readJson } from "../files.ts";
import type { Home } from "../home.ts";
import { LOOPBACK } from "../ports/ports.ts";
import { asSuperuser } from "../postgres/admin.ts";
import { stopServers } from "../status.ts";
import { detectServerUser, type ServerUser } from "../user.ts";

/** The cache of this user, so that tests do not download again. */
export const REAL_CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slipway");

/** A temporary state folder, with a space in its path, and the real cache. */
export function temporaryHome(): Home {
  return { state: join(mkdtempSync(join(tmpdir(), "slipway servers ")), ".slipway"), cache: REAL_CACHE, user: detectServerUser() };
}

/** For servers that run as another user, which cannot access the real cache: copies the packages. */
export function temporaryHomeFor(user: ServerUser): Home {
  const folder = mkdtempSync(join(tmpdir(), "slipway servers "));
  chmodSync(folder, 0o711);
  copyPackages(join(folder, "cache"));
  return { state: join(folder, ".slipway"), cache: join(folder, "cache"), user };
}

export function copyPackages(cache: string): void {
  const packages = join(REAL_CACHE, "packages");
  if (existsSync(packages)) cpSync(packages, join(cache, "packages"), { recursive: true, verbatimSymlinks: true });
}

export async function removeHome({ state }: Home): Promise<void> {
  await stopServers(state);
  rmSync(join(state, ".."), { recursive: true, force: true });
}

/** Command lines of processes whose arguments or environment contain the path. Linux only. */
export function processesIn(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return `${line} ${environment}`.includes(folder) && line !== "" ? [line] : [];
      } catch {
        return [];
      }
    });
}

export const postgresCluster = (id: string, more: Partial<BackedCluster> = {}): BackedCluster => ({
  ...{ id, name: id, engine: "pg", version: "17", region: "nyc3", size: "db-s-1vcpu-1gb", nodes: 1 },
  ...{ admin: { name: "doadmin", password: "AVNS_doadmin", replication: false } },
  ...{ databases: ["defaultdb"], users: [], pools: [], rules: [], config: {} },
  ...more,
});

export const valkeyCluster = (id: string, more: Partial<BackedCluster> = {}): BackedCluster => ({
  ...postgresCluster(id),
  ...{ engine: "valkey", version: "8", databases: [], admin: { name: "default", password: "AVNS_default", replication: false } },
  ...more,
});

/** Runs one query over a new connection. @param options default to doadmin and defaultdb */
export async function query(endpoint: Endpoint, sql: string, options: pg.ClientConfig = {}): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    ...{
      host: "localhost",
      port: endpoint.port,
      user: "doadmin",
      password: "AVNS_doadmin",
      database: "defaultdb",
      ssl: { ca: endpoint.ca },
    },
    ...options,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Options for `query` that connect from this address. */
export function fromAddress(localAddress: string): pg.ClientConfig {
  return {
    host: LOOPBACK,
    stream: () => {
      const socket = new Socket();
      const connect = socket.connect.bind(socket) as (options: TcpSocketConnectOpts) => Socket;
      socket.connect = ((port: number, host: string) => connect({ port, host, localAddress })) as typeof socket.connect;
      return socket;
    },
  };
}

/** Runs one query as the superuser, whose password no API returns. */
export async function queryAsSuperuser(
  { state }: Home,
  { port, ca }: Endpoint,
  id: string,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const { password } = readJson<{ password: string }>(join(serversFolder(state), id, "postgres", "origin.json"))!;
  return asSuperuser({ port, password, authority: ca }, async (client) => (await client.query(sql)).rows);
}

/** Runs one Valkey command over a new connection. */
export async function runCommand(
  endpoint: Endpoint,
  [name = "", ...args]: string[],
  options: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  const client = new Redis({
    ...{ host: "localhost", port: endpoint.port, password: "AVNS_default", tls: { ca: endpoint.ca } },
    ...{ lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, connectTimeout: 5_000 },
    ...options,
  });
  let failure: Error | undefined;
  client.on("error", (error) => (failure ??= error));
  try {
    await client.connect();
    return await client.call(name, ...args);
  } catch (error) {
    throw failure ?? error;
  } finally {
    client.disconnect();
  }
}
