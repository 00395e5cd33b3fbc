import { z } from "zod";
import { notFound, orNotFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { type Cluster, changeOnline, findCluster, type Pool, requirePostgres, toBackedPool, usersOf } from "./cluster.ts";
import { viewPool } from "./connections.ts";
import { connectionLimit } from "./engines.ts";

const poolFields = {
  mode: z.enum(["session", "transaction", "statement"]),
  size: z.number().int().min(1),
  db: z.string(),
  user: z.string().optional(),
};

export const CreatePoolRequest = z.object({ name: z.string().regex(/^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}$/), ...poolFields });
export const UpdatePoolRequest = z.object(poolFields);

export function listPools(cloud: Cloud, id: string) {
  const cluster = findCluster(cloud, id);
  return cluster.pools.map((pool) => viewPool(cluster, pool));
}

export function readPool(cloud: Cloud, id: string, name: string) {
  const cluster = findCluster(cloud, id);
  return viewPool(cluster, findPool(cluster, name));
}

export async function createPool(cloud: Cloud, id: string, { user = "", ...request }: z.infer<typeof CreatePoolRequest>) {
  requirePostgres(findCluster(cloud, id), "connection pools");
  const pool: Pool = { ...request, user };
  await changeOnline(cloud, id, async (cluster) => {
    if (cluster.pools.some((other) => other.name === pool.name)) throw unprocessable("pool name is not available");
    checkPool(cluster, pool);
    await cloud.backing.setPool(id, toBackedPool(cluster, pool));
    return { pools: [...cluster.pools, pool] };
  });
  return readPool(cloud, id, pool.name);
}

export async function updatePool(
  cloud: Cloud,
  id: string,
  name: string,
  { user = "", ...request }: z.infer<typeof UpdatePoolRequest>,
): Promise<void> {
  const pool: Pool = { name, ...request, user };
  await changeOnline(cloud, id, async (cluster) => {
    findPool(cluster, name);
    checkPool(cluster, pool);
    await cloud.backing.setPool(id, toBackedPool(cluster, pool));
    return { pools: cluster.pools.map((other) => (other.name === name ? pool : other)) };
  });
}

export async function deletePool(cloud: Cloud, id: string, name: string): Promise<void> {
  await changeOnline(cloud, id, async (cluster) => {
    findPool(cluster, name);
    await cloud.backing.removePool(id, name);
    return { pools: cluster.pools.filter((pool) => pool.name !== name) };
  });
}

function findPool(cluster: Cluster, name: string): Pool {
  const pool = cluster.pools.find((pool) => pool.name === name);
  return orNotFound(pool, "connection pool not found");
}

function checkPool(cluster: Cluster, pool: Pool): void {
  if (!cluster.databases.includes(pool.db)) throw notFound(`database ${pool.db} not found`);
  if (pool.user && !usersOf(cluster).some(({ name }) => name === pool.user)) throw notFound(`user ${pool.user} not found`);
  const allocated = cluster.pools.filter(({ name }) => name !== pool.name).reduce((sum, { size }) => sum + size, 0);
  const limit = connectionLimit(cluster.size);
  if (allocated + pool.size > limit) {
    throw unprocessable(
      `pool size ${pool.size} is too large: ${cluster.size} allows ${limit} connections, ${limit - allocated} of them are left`,
    );
  }
}
