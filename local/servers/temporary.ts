/** Servers that exist for one piece of work. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openServers, type ServerBacking } from "./backing.ts";
import { ServerError } from "./error.ts";
import type { Home } from "./home.ts";
import { listPostgresMajors } from "./packages/binaries.ts";
import { LOOPBACK } from "./ports/ports.ts";
import { PLATFORM_DATABASE } from "./postgres/admin.ts";
import { SUPERUSER } from "./postgres/settings.ts";
import { stopServers } from "./status.ts";

export interface TemporaryServer {
  /** As a superuser. */
  readonly url: string;
  /** PEM. */
  readonly ca: string;
}

interface Options {
  readonly home: Home;
  /** "rehearsal": one at a time. A run that was killed leaves its server running; the next one with this purpose stops it, and removes its data. */
  readonly purpose: string;
}

const CLUSTER = "temporary";

/** @param major the server's, or the next newer one that is installed */
export async function withTemporaryPostgres<T>(
  options: Options & { readonly major: number },
  work: (server: TemporaryServer) => Promise<T>,
): Promise<T> {
  const installed = listPostgresMajors();
  const version = installed.find((one) => Number(one) >= options.major);
  if (version === undefined)
    throw new ServerError(`No Postgres ${options.major} or newer is installed here; installed: ${installed.join(", ") || "none"}.`);
  return await withServers(options, async (servers) => {
    await servers.startCluster({ ...cluster(options.purpose), engine: "pg", version });
    const { port, password, authority } = await servers.superuserOf(CLUSTER);
    const url = `postgres://${SUPERUSER}:${encodeURIComponent(password)}@${LOOPBACK}:${port}/${PLATFORM_DATABASE}`;
    return await work({ url, ca: authority });
  });
}

export async function withTemporaryValkey<T>(options: Options, work: (server: TemporaryServer) => Promise<T>): Promise<T> {
  return await withServers(options, async (servers) => {
    const definition = { ...cluster(options.purpose), engine: "valkey" as const, version: "8" };
    const { port, ca } = await servers.startCluster({ ...definition, admin: { ...definition.admin, name: "default" } });
    return await work({ url: `rediss://default:${definition.admin.password}@localhost:${port}`, ca });
  });
}

const cluster = (name: string) => ({
  ...{ id: CLUSTER, name, region: "nyc3", size: "db-s-2vcpu-4gb", nodes: 1 },
  ...{ admin: { name: "doadmin", password: crypto.randomUUID(), replication: false } },
  ...{ databases: [], users: [], pools: [], rules: [], config: {} },
});

async function withServers<T>({ home, purpose }: Options, work: (servers: ServerBacking) => Promise<T>): Promise<T> {
  const state = join(home.state, purpose);
  const servers = openServers({ home: { ...home, state }, fsync: false });
  try {
    await removeServers(state);
    return await work(servers);
  } finally {
    await servers.removeCluster(CLUSTER).catch(() => {});
    await servers.close();
    rmSync(state, { recursive: true, force: true });
  }
}

async function removeServers(state: string): Promise<void> {
  const folder = join(state, "servers", CLUSTER);
  if (!existsSync(folder)) return;
  await stopServers(state);
  rmSync(folder, { recursive: true, force: true });
}
