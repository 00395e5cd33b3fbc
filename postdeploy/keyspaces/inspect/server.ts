/** Reads the settings of a server and checks whether it can hold a keyspace. */
import { Failure } from "../../connect/failure.ts";
import type { Keyspace } from "../read/keyspace.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { clusterModeFailure, StoreUnavailable, toFailure } from "../wire/errors.ts";
import { ErrorReply } from "../wire/resp.ts";
import { formatTarget } from "../wire/target.ts";

export interface ServerInfo {
  /** "valkey 8.0.1" */
  readonly software: string;
  /** Changes with every restart and failover. */
  readonly runId: string;
  /** "noeviction", "allkeys-lru"; undefined if the server does not report it. */
  readonly eviction: string | undefined;
  /** Whether the server saves to disk; undefined if it does not report it. */
  readonly persistent: boolean | undefined;
  readonly usedBytes: number;
  /** 0 if there is no limit. */
  readonly maxBytes: number;
  readonly maxClients: number | undefined;
  readonly replicas: number;
}

export async function readServerInfo(connection: StoreConnection): Promise<ServerInfo> {
  return await describeServer(connection, await readInfo(connection));
}

/** @param info of the same server */
export async function describeServer(connection: StoreConnection, info: ReadonlyMap<string, string>): Promise<ServerInfo> {
  const where = formatTarget(connection.target);
  if (info.get("loading") === "1")
    throw new StoreUnavailable("loading", `${where} is still loading its data from disk. Run again when it is ready.`);
  if (info.get("role") === "slave")
    throw new StoreUnavailable("read-only", `${where} is a replica and rejects writes. Use the address of the primary.`);
  if (info.get("cluster_enabled") === "1") throw clusterModeFailure(where);
  const number = (name: string) => Number(info.get(name) ?? 0);
  return {
    software: info.has("valkey_version")
      ? `valkey ${info.get("valkey_version")}`
      : `redis ${info.get("redis_version") ?? "of unknown version"}`,
    runId: info.get("run_id") ?? "",
    eviction: info.get("maxmemory_policy"),
    persistent: info.get("aof_enabled") === "1" ? true : await savesSnapshots(connection),
    usedBytes: number("used_memory"),
    maxBytes: number("maxmemory"),
    maxClients: info.has("maxclients") ? number("maxclients") : undefined,
    replicas: number("connected_slaves"),
  };
}

/** The fields of INFO. Empty if the user may not read them. */
export async function readInfo(connection: StoreConnection): Promise<ReadonlyMap<string, string>> {
  const info = new Map<string, string>();
  const text = await connection.tryCall("INFO");
  if (text instanceof ErrorReply && text.code !== "NOPERM" && text.code !== "ERR") throw toFailure(text, connection.target);
  for (const line of Buffer.isBuffer(text) ? text.toString().split("\r\n") : []) {
    const colon = line.indexOf(":");
    if (colon > 0) info.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return info;
}

export interface DatabaseSize {
  readonly database: number;
  readonly keys: number;
}

/** The databases that hold keys. Empty if the server does not report them. */
export async function readDatabaseSizes(connection: StoreConnection): Promise<DatabaseSize[]> {
  const text = await connection.tryCall("INFO", "keyspace");
  const lines = Buffer.isBuffer(text) ? text.toString().matchAll(/^db(\d+):keys=(\d+)/gm) : [];
  return [...lines].map(([, database, keys]) => ({ database: Number(database), keys: Number(keys) }));
}

/** Managed stores do not allow CONFIG; then persistence is unknown. */
async function savesSnapshots(connection: StoreConnection): Promise<boolean | undefined> {
  const reply = await connection.tryCall("CONFIG", "GET", "save");
  return Array.isArray(reply) && reply.length === 2 ? String(reply[1]) !== "" : undefined;
}

/** Throws if the server cannot hold the keyspace. @returns warnings */
export function checkServer(server: ServerInfo, keyspace: Keyspace, where: string): string[] {
  const notes: string[] = [];
  const { eviction, persistent, maxBytes, maxClients } = server;
  const name = `The keyspace ${keyspace.keyspace}`;
  const reject = (reason: string, fix: string) => {
    throw new Failure("unsafe-store", 2, `${name} is durable, but ${where} ${reason}. Nothing was written. ${fix}`);
  };
  if (keyspace.durable) {
    const fix = "Use a store of class state (noeviction), or set the cluster's evictionPolicy to noeviction.";
    if (eviction?.startsWith("allkeys-")) reject(`evicts any key when it is full (${eviction})`, fix);
    if (eviction?.startsWith("volatile-") && eviction !== "volatile-ttl" && keyspace.patterns.some(({ ttl }) => ttl > 0))
      reject(`evicts keys with a TTL when it is full (${eviction}), and the keyspace has such keys`, fix);
    if (eviction === "volatile-ttl") notes.push(`${where} evicts the keys that expire next when it is full (volatile-ttl).`);
    if (persistent === false) reject("does not save to disk, so a restart loses its keys", "Set valkey_persistence of the cluster to rdb.");
    if (persistent === undefined)
      notes.push(`${where} does not report whether it saves to disk. Make sure that valkey_persistence of the cluster is rdb.`);
    if (eviction === undefined)
      notes.push(`${where} does not report its eviction policy. Make sure that the policy of the cluster is noeviction.`);
  }
  const { memoryMiB, maxClients: clients } = keyspace.needs;
  if (memoryMiB !== undefined && maxBytes > 0 && maxBytes < memoryMiB * 2 ** 20)
    notes.push(
      `${where} has ${Math.floor(maxBytes / 2 ** 20)} MiB of memory, and ${keyspace.keyspace} declares that it needs ${memoryMiB}.`,
    );
  if (clients !== undefined && maxClients !== undefined && maxClients < clients)
    notes.push(`${where} allows ${maxClients} connections, and ${keyspace.keyspace} declares that it needs ${clients}.`);
  return notes;
}

export async function checkDatabases(connection: StoreConnection, keyspace: Keyspace): Promise<void> {
  const { databases } = keyspace.needs;
  if (databases === undefined || databases - 1 <= keyspace.database) return;
  const reply = await connection.tryCall("SELECT", String(databases - 1));
  await connection.call("SELECT", String(keyspace.database));
  if (reply instanceof ErrorReply)
    throw new Failure(
      "wrong-database",
      2,
      `${formatTarget(connection.target)} has fewer than the ${databases} databases that ${keyspace.keyspace} needs. Nothing was written. Raise valkey_number_of_databases of the cluster.`,
    );
}

/** @param bytes estimated memory of the changes */
export function checkMemory({ usedBytes, maxBytes, eviction }: ServerInfo, keyspace: Keyspace, bytes: number, where: string): void {
  if (maxBytes === 0 || usedBytes + bytes <= maxBytes) return;
  // A cache that evicts old keys has room for anything smaller than its memory.
  if (!keyspace.durable && eviction !== "noeviction" && bytes <= maxBytes) return;
  const MiB = (count: number) => `${Math.ceil(count / 2 ** 20)} MiB`;
  throw new Failure(
    "no-room",
    1,
    `${keyspace.keyspace} needs about ${MiB(bytes)} more, but ${where} has only ${MiB(Math.max(0, maxBytes - usedBytes))} free of ${MiB(maxBytes)}. Nothing was written. Resize to a larger node, or seed less data.`,
  );
}
