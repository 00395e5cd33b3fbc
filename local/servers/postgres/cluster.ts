import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { BackedCluster } from "../../cloud/backing.ts";
import { clusterFolder, findCluster, memoryGiBOf, type ServerContext, serversFolder } from "../context.ts";
import { checkMajor } from "../packages/binaries.ts";
import { assignPoolPort, removePools, startPools } from "../pgbouncer/server.ts";
import { findRunningProcess } from "../process.ts";
import { startServer, stopServer } from "../server.ts";
import { asSuperuser, dropSlotsExcept, ensureDatabase, ensureUser, REPLICA_SLOTS, type Superuser } from "./admin.ts";
import {
  dataFolder,
  detachReplica,
  dropSlot,
  findSuperuser,
  type PostgresCluster,
  type PostgresLocation,
  postgresServer,
  preparePostgres,
  type ReplicationSource,
  readMajor,
  readReplicationSource,
  type SourceCluster,
} from "./server.ts";
import { SUPERUSER } from "./settings.ts";

export interface PostgresPorts {
  readonly port: number;
  readonly poolPort: number;
}

export async function assignPostgresPorts(context: ServerContext, cluster: BackedCluster): Promise<PostgresPorts> {
  checkMajor(cluster.version);
  return portsOf(context, cluster.id);
}

/** Starts the cluster, or updates it if it is running. Creates missing databases and users, and keeps those that the definition lacks. */
export async function startPostgres(context: ServerContext, cluster: BackedCluster): Promise<PostgresPorts> {
  const location = locationOf(context, cluster.id);
  const replicatedFrom = readReplicationSource(location);
  if (replicatedFrom && !cluster.replicaOf) await promoteReplica(context, cluster, location, replicatedFrom);
  const source = await findSource(context, cluster, location);
  const desired = describeCluster(context, cluster);
  const replication = cluster.replicaOf ? { cluster: cluster.replicaOf, slot: slotOf(cluster.id) } : undefined;
  await preparePostgres(location, desired, source, replication);
  if (readMajor(location) !== cluster.version) {
    context.report(
      `${cluster.name} stays at Postgres ${readMajor(location)}, which created its data: slipway does not upgrade local data to ` +
        `Postgres ${cluster.version}. Create a new cluster to try the new version.`,
    );
  }

  const server = await postgresServer(location, desired, source);
  const started = await startServer(server, context.ports, context.report);
  if (started.wasRunning && (await server.tryConfiguration(started.port)) === "restart") {
    await stopServer(server);
    await startServer(server, context.ports, context.report);
  }
  if (!cluster.replicaOf) await createContents(cluster, location);
  await applyPools(context, cluster);
  return portsOf(context, cluster.id);
}

/** Promotes the replica while it runs with its primary's settings: a replica does not start with fewer connections than its primary. */
async function promoteReplica(
  context: ServerContext,
  cluster: BackedCluster,
  location: PostgresLocation,
  { cluster: primary }: ReplicationSource,
): Promise<void> {
  if (!findRunningProcess(location.folder)) await startPostgres(context, { ...cluster, replicaOf: primary });
  await detachReplica(location, findSuperuser(location)!, findSuperuser(locationOf(context, primary)));
}

async function createContents(cluster: BackedCluster, location: PostgresLocation): Promise<void> {
  const clusterIds = readdirSync(serversFolder(location.home.state));
  await asSuperuser(findSuperuser(location)!, async (client) => {
    for (const user of [cluster.admin, ...cluster.users]) await ensureUser(client, user);
    for (const database of cluster.databases) await ensureDatabase(client, database, cluster.owners?.[database]);
    await dropSlotsExcept(client, clusterIds.map(slotOf));
  });
}

/** The cluster to copy the data from: the primary of a replica, or the original of a fork that has no data yet. */
async function findSource(context: ServerContext, cluster: BackedCluster, location: PostgresLocation): Promise<SourceCluster | undefined> {
  const id = cluster.replicaOf ?? (existsSync(dataFolder(location)) ? undefined : cluster.forkOf);
  if (!id) return undefined;
  return { superuser: await ensureSuperuser(context, id), data: dataFolder(locationOf(context, id)) };
}

/** The superuser's connection settings. Starts the cluster if its server does not run. */
export async function ensureSuperuser(context: ServerContext, id: string): Promise<Superuser> {
  const location = locationOf(context, id);
  if (!findRunningProcess(location.folder)) await startPostgres(context, findCluster(context, id));
  return findSuperuser(location)!;
}

/** Applies changed firewall rules to Postgres and to its pools. */
export async function applyAccess(context: ServerContext, cluster: BackedCluster): Promise<void> {
  const location = locationOf(context, cluster.id);
  const { port } = await ensureSuperuser(context, cluster.id);
  const source = await findSource(context, cluster, location);
  const server = await postgresServer(location, describeCluster(context, cluster), source);
  await server.configure(port);
  await server.reload(port);
  await applyPools(context, cluster);
}

/** Applies a changed configuration. If Postgres refuses it, the configuration stays as it was. */
export async function applyConfiguration(context: ServerContext, cluster: BackedCluster): Promise<void> {
  const location = locationOf(context, cluster.id);
  const { port } = await ensureSuperuser(context, cluster.id);
  const source = await findSource(context, cluster, location);
  const server = await postgresServer(location, describeCluster(context, cluster), source);
  if ((await server.tryConfiguration(port)) === "restart") {
    await stopServer(server);
    await startServer(server, context.ports, context.report);
  }
  await applyPools(context, cluster);
}

/** Starts or reloads PgBouncer for a cluster with pools, and stops it for one without. */
export const applyPools = (context: ServerContext, cluster: BackedCluster): Promise<void> =>
  startPools(context, cluster, async () => ({ ...(await ensureSuperuser(context, cluster.id)), user: SUPERUSER }));

/** Also drops the slot of a replica, because its primary would otherwise keep the log for it. */
export async function removePostgres(context: ServerContext, id: string): Promise<void> {
  const location = locationOf(context, id);
  await removePools(context, id);
  await stopServer({ folder: location.folder, stopSignal: "SIGINT" });
  const replicatedFrom = readReplicationSource(location);
  const primary = replicatedFrom && findSuperuser(locationOf(context, replicatedFrom.cluster));
  if (primary) await dropSlot(primary, replicatedFrom.slot);
  context.ports.release(location.key);
}

function locationOf(context: ServerContext, id: string): PostgresLocation {
  const { home, authority, fsync } = context;
  return { folder: join(clusterFolder(context, id), "postgres"), key: `${id}/postgres`, home, authority, fsync };
}

const slotOf = (id: string) => `${REPLICA_SLOTS}${id.replaceAll("-", "_").toLowerCase()}`;

async function portsOf(context: ServerContext, id: string): Promise<PostgresPorts> {
  const { folder, key } = locationOf(context, id);
  const port = findRunningProcess(folder)?.port ?? (await context.ports.take(key)).port;
  return { port, poolPort: await assignPoolPort(context, id) };
}

function describeCluster(context: ServerContext, cluster: BackedCluster): PostgresCluster {
  const primary = cluster.replicaOf && context.clusters.get(cluster.replicaOf);
  return {
    name: cluster.name,
    major: cluster.version,
    // A replica with fewer connections than its primary does not start.
    memoryGiB: Math.max(memoryGiBOf(cluster), primary ? memoryGiBOf(primary) : 0),
    administrator: cluster.admin,
    rules: cluster.rules,
    config: primary ? { ...primary.config, ...cluster.config } : cluster.config,
  };
}
