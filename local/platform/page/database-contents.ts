/** What is in the databases: tables with about how many rows, keyspaces with how many keys. Read as the clusters' own administrators. */
import { Redis } from "ioredis";
import pg from "pg";
import type { Cloud } from "../../cloud/open-cloud.ts";
import { allClusters, type Cluster } from "../../cloud/databases/cluster.ts";

export interface DatabaseContents {
  readonly cluster: string;
  /** A database, or the number of one. */
  readonly database: string;
  /** Tables with about how many rows each, or keys by whether they expire. */
  readonly counts: readonly { readonly name: string; readonly count: number }[];
  /** Why there is nothing to count. */
  readonly error?: string;
}

const PATIENCE_MS = 2_000;

/** Those that do not answer say so. */
export async function readDatabaseContents(cloud: Cloud): Promise<DatabaseContents[]> {
  const asked = allClusters(cloud).flatMap((cluster) => {
    if (cluster.engine === "valkey") return [ofValkey(cluster).catch((error: Error) => [silent(cluster, "", error)])];
    return cluster.databases
      .filter((database) => database !== "defaultdb")
      .map((database) => ofPostgres(cluster, database).catch((error: Error) => [silent(cluster, database, error)]));
  });
  return (await Promise.all(asked)).flat();
}

const silent = ({ name }: Cluster, database: string, { message }: Error): DatabaseContents => ({
  cluster: name,
  database,
  counts: [],
  error: message,
});

/** From the server's statistics: exact counts would read every table, and row-level security would hide rows from whoever counts. */
async function ofPostgres({ name, endpoint, admin }: Cluster, database: string): Promise<DatabaseContents[]> {
  const client = new pg.Client({
    ...{ host: endpoint.host, port: endpoint.port, user: admin.name, password: admin.password, database },
    ...{ ssl: { ca: endpoint.ca }, connectionTimeoutMillis: PATIENCE_MS, query_timeout: PATIENCE_MS },
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string; count: number }>(
      "SELECT schemaname || '.' || relname AS name, n_live_tup::float8 AS count FROM pg_stat_user_tables ORDER BY 1",
    );
    return [{ cluster: name, database, counts: rows }];
  } finally {
    await client.end().catch(() => {});
  }
}

async function ofValkey({ name, endpoint, admin }: Cluster): Promise<DatabaseContents[]> {
  const client = new Redis({
    ...{ host: endpoint.host, port: endpoint.port, password: admin.password, tls: { ca: endpoint.ca } },
    ...{ lazyConnect: true, retryStrategy: () => null, connectTimeout: PATIENCE_MS, commandTimeout: PATIENCE_MS },
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const info = await client.info("keyspace");
    return [...info.matchAll(/^db(\d+):keys=(\d+),expires=(\d+)/gm)].map(([, database = "", keys, expiring]) => ({
      cluster: name,
      database,
      counts: [
        { name: "keys that stay", count: Number(keys) - Number(expiring) },
        { name: "keys that expire", count: Number(expiring) },
      ],
    }));
  } finally {
    client.disconnect();
  }
}
