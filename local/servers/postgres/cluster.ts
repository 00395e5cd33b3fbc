import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BackedCluster } from "../../cloud/backing.ts";
import { describedCluster, folderOf, memoryGiBOf, serversFolder, type Workshop } from "../context.ts";
import { checkMajor, pgbouncer } from "../packages/binaries.ts";
import { pgbouncerServer } from "../pgbouncer/server.ts";
import { findRunning } from "../process.ts";
import { bringUp, takeDown } from "../server.ts";
import { asSuperuser, dropSlotsExcept, ensureDatabase, ensureUser, REPLICA_SLOTS, type Superuser } from "./admin.ts";
import {
  dataOf,
  dropSlot,
  type Following,
  followingOf,
  majorOf,
  type Original,
  type PostgresCluster,
  type PostgresPlace,
  partFrom,
  postgresServer,
  preparePostgres,
  superuserOf,
} from "./server.ts";

/** One of DigitalOcean's Postgres clusters: a Postgres, and a PgBouncer once it has pools. */
export async function placePostgres(shop: Workshop, cluster: BackedCluster): Promise<PostgresPorts> {
  checkMajor(cluster.version);
  return portsOf(shop, cluster.id);
}

export interface PostgresPorts {
  readonly port: number;
  readonly poolPort: number;
}

/** Makes it what is described; what is there besides is not touched. */
export async function startPostgres(shop: Workshop, cluster: BackedCluster): Promise<PostgresPorts> {
  const place = placeOf(shop, cluster.id);
  const following = followingOf(place);
  if (following && !cluster.replicaOf) await standAlone(shop, cluster, place, following);
  const original = await originalOf(shop, cluster, place);
  const plan = planOf(shop, cluster);
  await preparePostgres(place, plan, original, cluster.replicaOf ? { cluster: cluster.replicaOf, slot: slotOf(cluster.id) } : undefined);
  if (majorOf(place) !== cluster.version) {
    shop.report(
      `${cluster.name} stays at Postgres ${majorOf(place)}: its data was made by that, and nothing here can carry it over to ${cluster.version}. ` +
        "Create a new cluster to try the new version.",
    );
  }

  const server = await postgresServer(place, plan, original);
  let up = await bringUp(server, shop.ports, shop.report);
  if (up.found && (await server.tryConfiguration(up.port)) === "restart") {
    await takeDown(server);
    up = await bringUp(server, shop.ports, shop.report);
  }
  if (!cluster.replicaOf) await fill(cluster, place);
  await startPools(shop, cluster);
  return portsOf(shop, cluster.id);
}

/** A follower is parted from its original while it runs as the follower that it was: only so can it take settings of its own. */
async function standAlone(shop: Workshop, cluster: BackedCluster, place: PostgresPlace, following: Following): Promise<void> {
  if (!findRunning(place.folder)) await startPostgres(shop, { ...cluster, replicaOf: following.cluster });
  await partFrom(place, superuserOf(place)!, superuserOf(placeOf(shop, following.cluster)));
}

async function fill(cluster: BackedCluster, place: PostgresPlace): Promise<void> {
  const clustersHere = readdirSync(serversFolder(place.home.state));
  await asSuperuser(superuserOf(place)!, async (client) => {
    for (const user of [cluster.admin, ...cluster.users]) await ensureUser(client, user);
    for (const database of cluster.databases) await ensureDatabase(client, database, cluster.owners?.[database]);
    await dropSlotsExcept(client, clustersHere.map(slotOf));
  });
}

/** What it is copied from: once, or for as long as it follows. */
async function originalOf(shop: Workshop, cluster: BackedCluster, place: PostgresPlace): Promise<Original | undefined> {
  const id = cluster.replicaOf ?? (existsSync(dataOf(place)) ? undefined : cluster.forkOf);
  if (!id) return undefined;
  return { superuser: await runningSuperuser(shop, id), data: dataOf(placeOf(shop, id)) };
}

/** The way into a cluster, which is started anew where its server has died. */
export async function runningSuperuser(shop: Workshop, id: string): Promise<Superuser> {
  const place = placeOf(shop, id);
  if (!findRunning(place.folder)) await startPostgres(shop, describedCluster(shop, id));
  return superuserOf(place)!;
}

/** Another list of rules: for Postgres itself and for its pools. */
export async function applyAccess(shop: Workshop, cluster: BackedCluster): Promise<void> {
  const place = placeOf(shop, cluster.id);
  const { port } = await runningSuperuser(shop, cluster.id);
  const original = await originalOf(shop, cluster, place);
  const server = await postgresServer(place, planOf(shop, cluster), original);
  await server.configure(port);
  await server.reload(port);
  await startPools(shop, cluster);
}

/** Another configuration; where Postgres does not take it, everything stays as it was. */
export async function applyConfiguration(shop: Workshop, cluster: BackedCluster): Promise<void> {
  const place = placeOf(shop, cluster.id);
  const { port } = await runningSuperuser(shop, cluster.id);
  const server = await postgresServer(place, planOf(shop, cluster), await originalOf(shop, cluster, place));
  if ((await server.tryConfiguration(port)) === "restart") {
    await takeDown(server);
    await bringUp(server, shop.ports, shop.report);
  }
  await startPools(shop, cluster);
}

/** PgBouncer runs where there are pools. */
export async function startPools(shop: Workshop, cluster: BackedCluster): Promise<void> {
  const folder = join(folderOf(shop, cluster.id), "pgbouncer");
  if (cluster.pools.length === 0) {
    await takeDown({ folder, stopSignal: "SIGTERM" });
    // A folder without a process means a server that has died.
    rmSync(folder, { recursive: true, force: true });
    return;
  }
  const program = await pgbouncer(shop.home);
  const server = pgbouncerServer(
    { folder, key: poolKeyOf(cluster.id), home: shop.home, authority: shop.authority, program },
    {
      cluster: cluster.name,
      superuser: await runningSuperuser(shop, cluster.id),
      pools: cluster.pools,
      rules: cluster.rules,
      config: (cluster.config.pgbouncer ?? {}) as Readonly<Record<string, unknown>>,
    },
  );
  await bringUp(server, shop.ports, shop.report);
}

/** Whom it followed must not go on keeping a log for it. */
export async function removePostgres(shop: Workshop, id: string): Promise<void> {
  const place = placeOf(shop, id);
  await takeDown({ folder: join(folderOf(shop, id), "pgbouncer"), stopSignal: "SIGTERM" });
  await takeDown({ folder: place.folder, stopSignal: "SIGINT" });
  const following = followingOf(place);
  const original = following && superuserOf(placeOf(shop, following.cluster));
  if (original) await dropSlot(original, following.slot);
  shop.ports.release(place.key);
  shop.ports.release(poolKeyOf(id));
}

function placeOf(shop: Workshop, id: string): PostgresPlace {
  const { home, authority, fsync } = shop;
  return { folder: join(folderOf(shop, id), "postgres"), key: `${id}/postgres`, home, authority, fsync };
}

const poolKeyOf = (id: string) => `${id}/pgbouncer`;
const slotOf = (id: string) => `${REPLICA_SLOTS}${id.replaceAll("-", "_").toLowerCase()}`;

async function portsOf(shop: Workshop, id: string): Promise<PostgresPorts> {
  const place = placeOf(shop, id);
  const port = findRunning(place.folder)?.port ?? (await shop.ports.take(place.key)).port;
  const poolPort = findRunning(join(folderOf(shop, id), "pgbouncer"))?.port ?? (await shop.ports.take(poolKeyOf(id))).port;
  return { port, poolPort };
}

function planOf(shop: Workshop, cluster: BackedCluster): PostgresCluster {
  const original = cluster.replicaOf && shop.described.get(cluster.replicaOf);
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
