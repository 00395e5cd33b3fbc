import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { AppMethod, BackedCluster, BackedUser, Backing, Endpoint } from "../cloud/backing.ts";
import { lockDirectory } from "../cloud/store/lock.ts";
import { openAuthority } from "./certificates.ts";
import { authorityFolder, clusterFolder, findCluster, type ServerContext, serversFolder } from "./context.ts";
import { ServerError } from "./error.ts";
import { writeJson } from "./files.ts";
import type { Home } from "./home.ts";
import { listPostgresMajors } from "./packages/binaries.ts";
import { LOOPBACK, openPorts } from "./ports/ports.ts";
import { asSuperuser, dropDatabase, dropUser, ensureDatabase, ensureUser, type Superuser } from "./postgres/admin.ts";
import {
  applyAccess,
  applyConfiguration,
  applyPools,
  assignPostgresPorts,
  ensureSuperuser,
  removePostgres,
  startPostgres,
} from "./postgres/cluster.ts";
import type { Report } from "./server.ts";
import { type ClusterLabel, stopServers } from "./status.ts";
import { assignValkeyPort, removeValkey, startValkey } from "./valkey/server.ts";

/** The part of the cloud's backing that runs database servers; local/apps is the part that runs apps. */
export type ServerBacking = Omit<Backing, AppMethod> & {
  /** Unlocks the state folder and leaves all servers running; the next process that opens the folder uses them. */
  leave(): void;
  /** Of a Postgres cluster, which is started if it does not run. */
  superuserOf(id: string): Promise<Superuser>;
};

export interface ServerOptions {
  readonly home: Home;
  /** Flush writes to the disk. Without it servers are faster, and a power failure can lose data. @default true */
  readonly fsync?: boolean;
  readonly report?: Report;
}

/**
 * Real servers for a local cloud. Each cluster has its own Postgres (with a PgBouncer if it has pools) or Valkey, which listens on loopback and
 * keeps running after this process has exited. Only one process at a time can open a state folder.
 */
export function openServers({ home, fsync = true, report = () => {} }: ServerOptions): ServerBacking {
  if (process.platform === "win32") throw new ServerError("Valkey and PgBouncer do not run on Windows. Run slipway in WSL: wsl --install");
  const folder = serversFolder(home.state);
  mkdirSync(folder, { recursive: true, mode: home.user.uid === undefined ? 0o700 : 0o711 });
  const unlock = lockDirectory(folder);
  deleteRemoved(folder);
  const authority = openAuthority(authorityFolder(home.state));
  const context: ServerContext = { home, authority, ports: openPorts(folder), fsync, report, clusters: new Map() };

  /** Changes the definition of a cluster and applies it. If that fails, the definition stays as it was. */
  async function change(id: string, part: Partial<BackedCluster>, apply: (cluster: BackedCluster) => Promise<void>): Promise<void> {
    const before = findCluster(context, id);
    const after = { ...before, ...part };
    context.clusters.set(id, after);
    await apply(after).catch((error: unknown) => {
      context.clusters.set(id, before);
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
      if (cluster.engine === "valkey") await startValkey(context, cluster);
      else await asSuperuser(await ensureSuperuser(context, id), (client) => ensureUser(client, user));
    });

  return {
    postgresMajors: listPostgresMajors(),

    placeCluster: async (cluster) => {
      if (cluster.engine === "valkey") {
        const port = await assignValkeyPort(context, cluster.id);
        return endpoint(port, port);
      }
      const { port, poolPort } = await assignPostgresPorts(context, cluster);
      return endpoint(port, poolPort);
    },

    startCluster: async (cluster) => {
      mkdirSync(clusterFolder(context, cluster.id), { recursive: true, mode: home.user.uid === undefined ? 0o700 : 0o711 });
      writeJson(join(clusterFolder(context, cluster.id), "cluster.json"), { name: cluster.name } satisfies ClusterLabel);
      context.clusters.set(cluster.id, cluster);
      if (cluster.engine === "valkey") {
        const port = await startValkey(context, cluster);
        return endpoint(port, port);
      }
      const { port, poolPort } = await startPostgres(context, cluster);
      return endpoint(port, poolPort);
    },

    removeCluster: async (id) => {
      const removed = clusterFolder(context, id);
      await removePostgres(context, id);
      await removeValkey(context, id);
      context.clusters.delete(id);
      if (!existsSync(removed)) return;
      renameSync(removed, `${removed}.removed`);
      rmSync(`${removed}.removed`, { recursive: true, force: true });
    },

    createDatabase: async (id, name) =>
      change(id, { databases: [...findCluster(context, id).databases.filter((other) => other !== name), name] }, async () =>
        asSuperuser(await ensureSuperuser(context, id), (client) => ensureDatabase(client, name)),
      ),
    dropDatabase: async (id, name) =>
      change(id, { databases: findCluster(context, id).databases.filter((other) => other !== name) }, async () =>
        asSuperuser(await ensureSuperuser(context, id), (client) => dropDatabase(client, name)),
      ),

    createUser: async (id, user) =>
      setUser(id, user, { users: [...findCluster(context, id).users.filter(({ name }) => name !== user.name), user] }),
    setPassword: async (id, user) => {
      const { admin, users } = findCluster(context, id);
      return setUser(
        id,
        user,
        admin.name === user.name ? { admin: user } : { users: users.map((other) => (other.name === user.name ? user : other)) },
      );
    },
    dropUser: async (id, name) =>
      change(id, { users: findCluster(context, id).users.filter((user) => user.name !== name) }, async () =>
        dropUser(await ensureSuperuser(context, id), name),
      ),

    setPool: async (id, pool) =>
      change(id, { pools: [...findCluster(context, id).pools.filter(({ name }) => name !== pool.name), pool] }, (cluster) =>
        applyPools(context, cluster),
      ),
    removePool: async (id, name) =>
      change(id, { pools: findCluster(context, id).pools.filter((pool) => pool.name !== name) }, (cluster) => applyPools(context, cluster)),

    setFirewall: async (id, rules) =>
      change(id, { rules }, async (cluster) => (cluster.engine === "pg" ? applyAccess(context, cluster) : undefined)),
    configure: async (id, config) =>
      change(id, { config }, async (cluster) => {
        if (cluster.engine === "valkey") await startValkey(context, cluster);
        else await applyConfiguration(context, cluster);
      }),

    close: async () => {
      await stopServers(home.state);
      unlock();
    },
    leave: unlock,
    superuserOf: (id) => ensureSuperuser(context, id),
  };
}

/** A crash can leave the folder of a cluster that was being removed. */
function deleteRemoved(folder: string): void {
  for (const name of readdirSync(folder)) if (name.endsWith(".removed")) rmSync(join(folder, name), { recursive: true, force: true });
}
