import { z } from "zod";
import { notFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { changeOnline, findCluster, requirePostgres } from "./cluster.ts";

export const CreateDatabaseRequest = z.object({ name: z.string() });

export const listDatabases = (cloud: Cloud, id: string) => findCluster(cloud, id).databases.map((name) => ({ name }));

export function readDatabase(cloud: Cloud, id: string, name: string) {
  if (!findCluster(cloud, id).databases.includes(name)) throw notFound("database not found");
  return { name };
}

export async function createDatabase(cloud: Cloud, id: string, { name }: z.infer<typeof CreateDatabaseRequest>) {
  requirePostgres(findCluster(cloud, id), "databases");
  if (!/^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}$/.test(name)) {
    throw unprocessable("invalid database name: at most 63 letters, digits, underscores and dashes");
  }
  await changeOnline(cloud, id, async ({ databases }) => {
    if (databases.includes(name) || name === "postgres" || name.startsWith("template"))
      throw unprocessable("database name is not available");
    await cloud.backing.createDatabase(id, name);
    return { databases: [...databases, name] };
  });
  return { name };
}

export async function deleteDatabase(cloud: Cloud, id: string, name: string): Promise<void> {
  await changeOnline(cloud, id, async ({ databases, pools }) => {
    readDatabase(cloud, id, name);
    const pool = pools.find((pool) => pool.db === name);
    if (pool) throw unprocessable(`database ${name} is in use by connection pool ${pool.name}`);
    await cloud.backing.dropDatabase(id, name);
    return { databases: databases.filter((other) => other !== name) };
  });
}
