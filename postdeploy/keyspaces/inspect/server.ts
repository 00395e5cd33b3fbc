/** What a store says of itself, as far as it lets us ask, and whether a keyspace may be put into it. */
import { Failure } from "../../connect/failure.ts";
import type { Keyspace } from "../read/keyspace.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { clusterModeFailure, StoreUnavailable, toFailure } from "../wire/errors.ts";
import { ErrorReply } from "../wire/resp.ts";
import { formatTarget } from "../wire/target.ts";

export interface ServerInfo {
  /** "valkey 8.0.1" */
  readonly software: string;
  /** Another one after a restart and after a failover. */
  readonly runId: string;
  /** "noeviction", "allkeys-lru"; undefined where it does not tell. */
  readonly eviction: string | undefined;
  /** Whether it writes to disk; undefined where it does not tell. */
  readonly persistent: boolean | undefined;
  readonly usedBytes: number;
  /** 0 where there is no limit. */
  readonly maxBytes: number;
  readonly maxClients: number | undefined;
  readonly replicas: number;
}

export async function readServerInfo(connection: StoreConnection): Promise<ServerInfo> {
  const info = new Map<string, string>();
  const text = await connection.tryCall("INFO");
  if (text instanceof ErrorReply && text.code !== "NOPERM" && text.code !== "ERR") throw toFailure(text, connection.target);
  for (const line of Buffer.isBuffer(text) ? text.toString().split("\r\n") : []) {
    const colon = line.indexOf(":");
    if (colon > 0) info.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const where = formatTarget(connection.target);
  if (info.get("loading") === "1")
    throw new StoreUnavailable("loading", `${where} is still reading its data from disk. Try again when it is up.`);
  if (info.get("role") === "slave")
    throw new StoreUnavailable("read-only", `${where} is a replica: it takes no writes. Use the primary's address.`);
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

/** Managed stores have no CONFIG; then the answer is the provider's to give. */
async function savesSnapshots(connection: StoreConnection): Promise<boolean | undefined> {
  const reply = await connection.tryCall("CONFIG", "GET", "save");
  return Array.isArray(reply) && reply.length === 2 ? String(reply[1]) !== "" : undefined;
}

/** @returns what a reader should know although the keyspace may be seeded. */
export function checkServer(server: ServerInfo, keyspace: Keyspace, where: string): string[] {
  const notes: string[] = [];
  const { eviction, persistent, maxBytes, maxClients } = server;
  const name = `The keyspace ${keyspace.keyspace}`;
  const refuse = (why: string, mend: string) => {
    throw new Failure("unsafe-store", 2, `${name} is durable, and ${where} ${why}. Nothing was written. ${mend}`);
  };
  if (keyspace.durable) {
    const mend = "Put it on a store of class state (noeviction), or set the cluster's evictionPolicy to noeviction.";
    if (eviction?.startsWith("allkeys-")) refuse(`drops any key when it is full (${eviction})`, mend);
    if (eviction?.startsWith("volatile-") && eviction !== "volatile-ttl" && keyspace.patterns.some(({ ttl }) => ttl > 0))
      refuse(`drops keys with a TTL when it is full (${eviction}), which some of its keys have`, mend);
    if (eviction === "volatile-ttl") notes.push(`${where} drops the keys nearest to their end when it is full (volatile-ttl).`);
    if (persistent === false) refuse("keeps nothing on disk: a restart loses it", "Set the cluster's valkey_persistence to rdb.");
    if (persistent === undefined)
      notes.push(`${where} does not tell whether it saves to disk; the cluster's valkey_persistence must be rdb.`);
    if (eviction === undefined) notes.push(`${where} does not tell its eviction policy; the cluster's must be noeviction.`);
  }
  const { memoryMiB, maxClients: clients } = keyspace.needs;
  if (memoryMiB !== undefined && maxBytes > 0 && maxBytes < memoryMiB * 2 ** 20)
    notes.push(`${where} holds ${Math.floor(maxBytes / 2 ** 20)} MiB, and ${keyspace.keyspace} is declared for ${memoryMiB}.`);
  if (clients !== undefined && maxClients !== undefined && maxClients < clients)
    notes.push(`${where} takes ${maxClients} connections, and ${keyspace.keyspace} is declared for ${clients}.`);
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
      `${formatTarget(connection.target)} has fewer than the ${databases} databases that ${keyspace.keyspace} is declared for; nothing was written. Raise valkey_number_of_databases.`,
    );
}

/** @param bytes about what is going to be written. */
export function checkMemory({ usedBytes, maxBytes, eviction }: ServerInfo, keyspace: Keyspace, bytes: number, where: string): void {
  if (maxBytes === 0 || usedBytes + bytes <= maxBytes) return;
  // A cache that drops old keys for new ones has room for anything that fits into it whole.
  if (!keyspace.durable && eviction !== "noeviction" && bytes <= maxBytes) return;
  const MiB = (count: number) => `${Math.ceil(count / 2 ** 20)} MiB`;
  throw new Failure(
    "no-room",
    1,
    `${keyspace.keyspace} needs about ${MiB(bytes)} more, and ${where} has ${MiB(Math.max(0, maxBytes - usedBytes))} left of ${MiB(maxBytes)}. Nothing was written. Choose a larger node, or seed less.`,
  );
}
