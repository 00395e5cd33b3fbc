import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BackedCluster } from "../../cloud/backing.ts";
import { clusterFolder, findCluster, memoryGiBOf, type ServerContext, serversFolder } from "../context.ts";
import { checkMajor, findPgbouncer } from "../packages/binaries.ts";
import { pgbouncerServer } from "../pgbouncer/server.ts";
import { findRunningProcess } from "../process.ts";
import { startServer, stopServer } from "../server.ts";
import { asSuperuser, dropSlotsExcept, ensureDatabase, ensureUser, REPLICA_SLOTS, type Superuser } from "./admin.ts";
import {
  dataFolder,
  detachReplica,
  dropSlot,
  findSuperuser,
  type Original,
  type PostgresCluster,
  type PostgresLocation,
  postgresServer,
  preparePostgres,
  type ReplicationSource,
  readMajor,
  readReplicationSource,
} from "./server.ts";

/** One of DigitalOcean's Postgres clusters: a Postgres, and a PgBouncer once it has pools. */
export async function assignPostgresPorts(shop: ServerContext, cluster: BackedCluster): Promise<PostgresPorts> {
  checkMajor(cluster.version);
  return portsOf(shop, cluster.id);
}

export interface PostgresPorts {
  readonly port: number;
  readonly poolPort: number;
}

/** Makes it what is described; what is there besides is not touched. */
export async function startPostgres(shop: ServerContext, cluster: BackedCluster): Promise<PostgresPorts> {
  const place = placeOf(shop, cluster.id);
  const following = readReplicationSource(place);
  if (following && !cluster.replicaOf) await promoteReplica(shop, cluster, place, following);
  const original = await findOriginal(shop, cluster, place);
  const plan = describeCluster(shop, cluster);
  await preparePostgres(place, plan, original, cluster.replicaOf ? { cluster: cluster.replicaOf, slot: slotOf(cluster.id) } : undefined);
  if (readMajor(place) !== cluster.version) {
    shop.report(
      `${cluster.name} stays at Postgres ${readMajor(place)}: its data was made by that, and nothing here can carry it over to ${cluster.version}. ` +
        "Create a new cluster to try the new version.",
    );
  }

  const server = await postgresServer(place, plan, original);
  let up = await startServer(server, shop.ports, shop.report);
  if (up.found && (await server.tryConfiguration(up.port)) === "restart") {
    await stopServer(server);
    up = await startServer(server, shop.ports, shop.report);
  }
  if (!cluster.replicaOf) await createContents(cluster, place);
  await startPools(shop, cluster);
  return portsOf(shop, cluster.id);
}

/** A follower is parted from its original while it runs as the follower that it was: only so can it take settings of its own. */
async function promoteReplica(
  shop: ServerContext,
  cluster: BackedCluster,
  place: PostgresLocation,
  following: ReplicationSource,
): Promise<void> {
  if (!findRunningProcess(place.folder)) await startPostgres(shop, { ...cluster, replicaOf: following.cluster });
  await detachReplica(place, findSuperuser(place)!, findSuperuser(placeOf(shop, following.cluster)));
}

async function createContents(cluster: BackedCluster, place: PostgresLocation): Promise<void> {
  const clustersHere = readdirSync(serversFolder(place.home.state));
  await asSuperuser(findSuperuser(place)!, async (client) => {
    for (const user of [cluster.admin, ...cluster.users]) await ensureUser(client, user);
    for (const database of cluster.databases) await ensureDatabase(client, database, cluster.owners?.[database]);
    await dropSlotsExcept(client, clustersHere.map(slotOf));
  });
}

/** What it is copied from: once, or for as long as it follows. */
async function findOriginal(shop: ServerContext, cluster: BackedCluster, place: PostgresLocation): Promise<Original | undefined> {
  const id = cluster.replicaOf ?? (existsSync(dataFolder(place)) ? undefined : cluster.forkOf);
  if (!id) return undefined;
  return { superuser: await ensureSuperuser(shop, id), data: dataFolder(placeOf(shop, id)) };
}

/** The way into a cluster, which is started anew where its server has died. */
export async function ensureSuperuser(shop: ServerContext, id: string): Promise<Superuser> {
  const place = placeOf(shop, id);
  if (!findRunningProcess(place.folder)) await startPostgres(shop, findCluster(shop, id));
  return findSuperuser(place)!;
}

/** Another list of rules: for Postgres itself and for its pools. */
export async function applyAccess(shop: ServerContext, cluster: BackedCluster): Promise<void> {
  const place = placeOf(shop, cluster.id);
  const { port } = await ensureSuperuser(shop, cluster.id);
  const original = await findOriginal(shop, cluster, place);
  const server = await postgresServer(place, describeCluster(shop, cluster), original);
  await server.configure(port);
  await server.reload(port);
  await startPools(shop, cluster);
}

/** Another configuration; where Postgres does not take it, everything stays as it was. */
export async function applyConfiguration(shop: ServerContext, cluster: BackedCluster): Promise<void> {
  const place = placeOf(shop, cluster.id);
  const { port } = await ensureSuperuser(shop, cluster.id);
  const server = await postgresServer(place, describeCluster(shop, cluster), await findOriginal(shop, cluster, place));
  if ((await server.tryConfiguration(port)) === "restart") {
    await stopServer(server);
    await startServer(server, shop.ports, shop.report);
  }
  await startPools(shop, cluster);
}

/** PgBouncer runs where there are pools. */
export async function startPools(shop: ServerContext, cluster: BackedCluster): Promise<void> {
  const folder = join(clusterFolder(shop, cluster.id), "pgbouncer");
  if (cluster.pools.length === 0) {
    await stopServer({ folder, stopSignal: "SIGTERM" });
    // A folder without a process means a server that has died.
    rmSync(folder, { recursive: true, force: true });
    return;
  }
  const program = await findPgbouncer(shop.home);
  const server = pgbouncerServer(
    { folder, key: poolKeyOf(cluster.id), home: shop.home, authority: shop.authority, program },
    {
      cluster: cluster.name,
      superuser: await ensureSuperuser(shop, cluster.id),
      pools: cluster.pools,
      rules: cluster.rules,
      config: (cluster.config.pgbouncer ?? {}) as Readonly<Record<string, unknown>>,
    },
  );
  await startServer(server, shop.ports, shop.report);
}

/** Whom it followed must not go on keeping a log for it. */
export async function removePostgres(shop: ServerContext, id: string): Promise<void> {
  const place = placeOf(shop, id);
  await stopServer({ folder: join(clusterFolder(shop, id), "pgbouncer"), stopSignal: "SIGTERM" });
  await stopServer({ folder: place.folder, stopSignal: "SIGINT" });
  const following = readReplicationSource(place);
  const original = following && findSuperuser(placeOf(shop, following.cluster));
  if (original) await dropSlot(original, following.slot);
  shop.ports.release(place.key);
  shop.ports.release(poolKeyOf(id));
}

function placeOf(shop: ServerContext, id: string): PostgresLocation {
  const { home, authority, fsync } = shop;
  return { folder: join(clusterFolder(shop, id), "postgres"), key: `${id}/postgres`, home, authority, fsync };
}

const poolKeyOf = (id: string) => `${id}/pgbouncer`;
const slotOf = (id: string) => `${REPLICA_SLOTS}${id.replaceAll("-", "_").toLowerCase()}`;

async function portsOf(shop: ServerContext, id: string): Promise<PostgresPorts> {
  const place = placeOf(shop, id);
  const port = findRunningProcess(place.folder)?.port ?? (await shop.ports.take(place.key)).port;
  const poolPort = findRunningProcess(join(clusterFolder(shop, id), "pgbouncer"))?.port ?? (await shop.ports.take(poolKeyOf(id))).port;
  return { port, poolPort };
}

function describeCluster(shop: ServerContext, cluster: BackedCluster): PostgresCluster {
  const original = cluster.replicaOf && shop.clusters.get(cluster.replicaOf);
  return {
    name: cluster.name,
    major: cluster.version,
    // A follower with less room than its original, in connections above all, could not follow it.
    memoryGiB: Math.max(memoryGiBOf(cluster), original ? memoryGiBOf(original) : 0),
    administrator: cluster.admin,
    rules: cluster.rules,
    config: original ? { ...original.config, ...cluster.config } : cluster.config,
  };
}
