/** A Postgres server that exists for one piece of work. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openServers } from "./backing.ts";
import { ServerError } from "./error.ts";
import type { Home } from "./home.ts";
import { listPostgresMajors } from "./packages/binaries.ts";
import { LOOPBACK } from "./ports/ports.ts";
import { PLATFORM_DATABASE } from "./postgres/admin.ts";
import { SUPERUSER } from "./postgres/settings.ts";
import { stopServers } from "./status.ts";

export interface TemporaryPostgres {
  readonly major: string;
  /** As a superuser. */
  readonly url: string;
  /** PEM. */
  readonly ca: string;
}

const CLUSTER = "temporary";

/**
 * One at a time for each purpose. A run that was killed leaves its server running; the next one stops it, and removes its data.
 * @param major the server's, or the next newer one that is installed
 */
export async function withTemporaryPostgres<T>(
  { home, purpose, major }: { readonly home: Home; readonly purpose: string; readonly major: number },
  work: (server: TemporaryPostgres) => Promise<T>,
): Promise<T> {
  const installed = listPostgresMajors();
  const version = installed.find((one) => Number(one) >= major);
  if (version === undefined)
    throw new ServerError(`No Postgres ${major} or newer is installed here; installed: ${installed.join(", ") || "none"}.`);
  const state = join(home.state, purpose);
  const servers = openServers({ home: { ...home, state }, fsync: false });
  try {
    await removeServers(state);
    await servers.startCluster({
      ...{ id: CLUSTER, name: purpose, engine: "pg", version, region: "nyc3", size: "db-s-2vcpu-4gb", nodes: 1 },
      ...{ admin: { name: "doadmin", password: crypto.randomUUID(), replication: false } },
      ...{ databases: [], users: [], pools: [], rules: [], config: {} },
    });
    const { port, password, authority } = await servers.superuserOf(CLUSTER);
    return await work({
      major: version,
      url: `postgres://${SUPERUSER}:${encodeURIComponent(password)}@${LOOPBACK}:${port}/${PLATFORM_DATABASE}`,
      ca: authority,
    });
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
