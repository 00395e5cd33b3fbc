import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BackedCluster, BackedUser, Backing, Endpoint } from "../cloud/backing.ts";
import { lockDirectory } from "../cloud/store/lock.ts";
import { openAuthority } from "./certificates.ts";
import { authorityFolder, clusterFolder, findCluster, type ServerContext, serversFolder } from "./context.ts";
import { ServerError } from "./error.ts";
import { writeJson } from "./files.ts";
import type { Home } from "./home.ts";
import { listPostgresMajors } from "./packages/binaries.ts";
import { LOOPBACK, openPorts } from "./ports/ports.ts";
import { asSuperuser, dropDatabase, dropUser, ensureDatabase, ensureUser } from "./postgres/admin.ts";
import {
  applyAccess,
  applyConfiguration,
  assignPostgresPorts,
  ensureSuperuser,
  removePostgres,
  startPools,
  startPostgres,
} from "./postgres/cluster.ts";
import { type ClusterLabel, stopServers } from "./status.ts";
import { assignValkeyPort, removeValkey, startValkey } from "./valkey/cluster.ts";

/** The part of the cloud's backing that is database servers; its apps are another's. */
export type ServerBacking = Omit<Backing, "placeApp" | "deployApp" | "runJob" | "removeApp"> & {
  /** Gives the folder back and leaves every server running, for the next process to find. */
  leave(): void;
};

export interface ServerOptions {
  readonly home: Home;
  /** Write through to the disk: without it everything is faster, and a power cut may cost the data. @default true */
  readonly fsync?: boolean;
  /** Told what a reader should know, such as a port that moved. @default nobody */
  readonly report?: (line: string) => void;
}

/**
 * Real servers behind a local cloud: for each cluster a Postgres (with a PgBouncer once it has pools) or a Valkey of its own, on loopback.
 * They outlive this process. One process at a time.
 */
export function openServers({ home, fsync = true, report = () => {} }: ServerOptions): ServerBacking {
  if (process.platform === "win32")
    throw new ServerError("Valkey and PgBouncer do not exist for Windows. Run slipway in WSL: wsl --install");
  const folder = serversFolder(home.state);
  mkdirSync(folder, { recursive: true, mode: home.user.uid === undefined ? 0o700 : 0o711 });
  const unlock = lockDirectory(folder);
  sweep(folder);
  const authority = openAuthority(authorityFolder(home.state));
  const shop: ServerContext = { home, authority, ports: openPorts(folder), fsync, report, clusters: new Map() };

  /** What is asked of a cluster from now on; forgotten again when it cannot be had. */
  async function change(id: string, part: Partial<BackedCluster>, apply: (cluster: BackedCluster) => Promise<void>): Promise<void> {
    const before = findCluster(shop, id);
    const after = { ...before, ...part };
    shop.clusters.set(id, after);
    await apply(after).catch((error: unknown) => {
      shop.clusters.set(id, before);
      throw error;
    });
  }

  const endpoint = (port: number, poolPort: number): Endpoint => ({
    host: "localhost",
    privateHost: LOOPBACK,
    port,
    poolPort,
    ca: authority.pem,
  });

  const setUser = (id: string, user: BackedUser, part: Partial<BackedCluster>) =>
    change(id, part, async (cluster) => {
      if (cluster.engine === "valkey") await startValkey(shop, cluster);
      else await asSuperuser(await ensureSuperuser(shop, id), (client) => ensureUser(client, user));
    });

  return {
    postgresMajors: listPostgresMajors(),

    placeCluster: async (cluster) => {
      if (cluster.engine === "valkey") {
        const port = await assignValkeyPort(shop, cluster.id);
        return endpoint(port, port);
      }
      const { port, poolPort } = await assignPostgresPorts(shop, cluster);
      return endpoint(port, poolPort);
    },

    startCluster: async (cluster) => {
      mkdirSync(clusterFolder(shop, cluster.id), { recursive: true, mode: home.user.uid === undefined ? 0o700 : 0o711 });
      writeJson(join(clusterFolder(shop, cluster.id), "cluster.json"), { name: cluster.name } satisfies ClusterLabel);
      shop.clusters.set(cluster.id, cluster);
      if (cluster.engine === "valkey") {
        const port = await startValkey(shop, cluster);
        return endpoint(port, port);
      }
      const { port, poolPort } = await startPostgres(shop, cluster);
      return endpoint(port, poolPort);
    },

    removeCluster: async (id) => {
      const gone = clusterFolder(shop, id);
      await removePostgres(shop, id);
      await removeValkey(shop, id);
      shop.clusters.delete(id);
      if (!existsSync(gone)) return;
      renameSync(gone, `${gone}.removed`);
      rmSync(`${gone}.removed`, { recursive: true, force: true });
    },

    createDatabase: async (id, name) =>
      change(id, { databases: [...findCluster(shop, id).databases.filter((other) => other !== name), name] }, async () =>
        asSuperuser(await ensureSuperuser(shop, id), (client) => ensureDatabase(client, name)),
      ),
    dropDatabase: async (id, name) =>
      change(id, { databases: findCluster(shop, id).databases.filter((other) => other !== name) }, async () =>
        asSuperuser(await ensureSuperuser(shop, id), (client) => dropDatabase(client, name)),
      ),

    createUser: async (id, user) =>
      setUser(id, user, { users: [...findCluster(shop, id).users.filter(({ name }) => name !== user.name), user] }),
    setPassword: async (id, user) => {
      const { admin, users } = findCluster(shop, id);
      return setUser(
        id,
        user,
        admin.name === user.name ? { admin: user } : { users: users.map((other) => (other.name === user.name ? user : other)) },
      );
    },
    dropUser: async (id, name) =>
      change(id, { users: findCluster(shop, id).users.filter((user) => user.name !== name) }, async () =>
        dropUser(await ensureSuperuser(shop, id), name),
      ),

    setPool: async (id, pool) =>
      change(id, { pools: [...findCluster(shop, id).pools.filter(({ name }) => name !== pool.name), pool] }, (cluster) =>
        startPools(shop, cluster),
      ),
    removePool: async (id, name) =>
      change(id, { pools: findCluster(shop, id).pools.filter((pool) => pool.name !== name) }, (cluster) => startPools(shop, cluster)),

    setFirewall: async (id, rules) =>
      change(id, { rules }, async (cluster) => (cluster.engine === "pg" ? applyAccess(shop, cluster) : undefined)),
    configure: async (id, config) =>
      change(id, { config }, async (cluster) => {
        if (cluster.engine === "valkey") await startValkey(shop, cluster);
        else await applyConfiguration(shop, cluster);
      }),

    close: async () => {
      await stopServers(home.state);
      unlock();
    },
    leave: unlock,
  };
}

/** What a crash left of clusters that were being removed. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) if (name.endsWith(".removed")) rmSync(join(folder, name), { recursive: true, force: true });
}
