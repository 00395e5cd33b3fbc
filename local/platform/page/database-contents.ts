/** Reads table and key counts from all databases, as the administrator of each cluster. */
import { Redis } from "ioredis";
import pg from "pg";
import { allClusters, type Cluster } from "../../cloud/databases/cluster.ts";
import type { Cloud } from "../../cloud/open-cloud.ts";

export interface DatabaseContents {
  readonly cluster: string;
  /** The name of a Postgres database, or the number of a Valkey database. */
  readonly database: string;
  /** Estimated rows per table, or keys with and without expiry. */
  readonly counts: readonly { readonly name: string; readonly count: number }[];
  /** Why the database could not be read. */
  readonly error?: string;
}

const TIMEOUT_MS = 2_000;

/** A database that does not answer has an `error`. */
export async function readDatabaseContents(cloud: Cloud): Promise<DatabaseContents[]> {
  const reads = allClusters(cloud).flatMap((cluster) => {
    if (cluster.engine === "valkey") return [readValkey(cluster).catch((error: Error) => [failed(cluster, "", error)])];
    return cluster.databases
      .filter((database) => database !== "defaultdb")
      .map((database) => readPostgres(cluster, database).catch((error: Error) => [failed(cluster, database, error)]));
  });
  return (await Promise.all(reads)).flat();
}

const failed = ({ name }: Cluster, database: string, { message }: Error): DatabaseContents => ({
  cluster: name,
  database,
  counts: [],
  error: message,
});

/** Estimates from the server's statistics: exact counts would read every table, and row-level security can hide rows. */
async function readPostgres({ name, endpoint, admin }: Cluster, database: string): Promise<DatabaseContents[]> {
  const client = new pg.Client({
    ...{ host: endpoint.host, port: endpoint.port, user: admin.name, password: admin.password, database },
    ...{ ssl: { ca: endpoint.ca }, connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS },
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

async function readValkey({ name, endpoint, admin }: Cluster): Promise<DatabaseContents[]> {
  const client = new Redis({
    ...{ host: endpoint.host, port: endpoint.port, password: admin.password, tls: { ca: endpoint.ca } },
    ...{ lazyConnect: true, retryStrategy: () => null, connectTimeout: TIMEOUT_MS, commandTimeout: TIMEOUT_MS },
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const info = await client.info("keyspace");
    return [...info.matchAll(/^db(\d+):keys=(\d+),expires=(\d+)/gm)].map(([, database = "", keys, expiring]) => ({
      cluster: name,
      database,
      counts: [
        { name: "keys without expiry", count: Number(keys) - Number(expiring) },
        { name: "keys with expiry", count: Number(expiring) },
      ],
    }));
  } finally {
    client.disconnect();
  }
}
