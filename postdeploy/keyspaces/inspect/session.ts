/** Opens a connection to the store of a keyspace, checks the server, and retries the work while the store is unavailable. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import { createInternalKeys, type InternalKeys } from "../read/internal-keys.ts";
import { isSeeded, type Keyspace, readKeyspaces } from "../read/keyspace.ts";
import { StoreConnection } from "../wire/connection.ts";
import { StoreUnavailable } from "../wire/errors.ts";
import { generateClientName } from "../wire/lock.ts";
import { formatTarget } from "../wire/target.ts";
import type { Options, Store } from "./options.ts";
import { checkDatabases, checkServer, readServerInfo, type ServerInfo } from "./server.ts";

export interface Session {
  readonly connection: StoreConnection;
  readonly keyspace: Keyspace;
  readonly internalKeys: InternalKeys;
  readonly server: ServerInfo;
  readonly where: string;
  readonly notes: string[];
}

/** Selects the keyspaces into which a seed writes and whose store is given. */
export function selectKeyspaces({ folder, system, stores, only }: Options): Keyspace[] {
  const all = readKeyspaces(folder, system);
  const unknown = only?.find((name) => !all.some(({ keyspace }) => keyspace === name));
  if (unknown !== undefined)
    throw new Failure(
      "no-keyspace",
      2,
      `${folder} declares no keyspace "${unknown}". Declared: ${all.map(({ keyspace }) => keyspace).join(", ") || "none"}.`,
    );
  const selected = all.filter((keyspace) => isSeeded(keyspace) && (only === undefined || only.includes(keyspace.keyspace)));
  const connected = selected.filter(({ store }) => stores[store] !== undefined);
  for (const keyspace of connected) rejectCache(keyspace, stores[keyspace.store] as Store);
  return connected;
}

function rejectCache(keyspace: Keyspace, { class: kind }: Store): void {
  if (kind !== "cache" || !keyspace.durable) return;
  throw new Failure(
    "unsafe-store",
    2,
    `${keyspace.file}: the keyspace ${keyspace.keyspace} is durable, but its store ${keyspace.store} is a cache, which evicts keys when it is full. Nothing was written. Use a store of class state.`,
  );
}

export async function withSession<T>(options: Options, keyspace: Keyspace, work: (visit: Session) => Promise<T>): Promise<T> {
  const until = Date.now() + (options.patienceMs ?? 60_000);
  for (let attempt = 0; ; attempt++) {
    try {
      return await openSession(options, keyspace, work);
    } catch (error) {
      const retryInMs = Math.min(100 * 2 ** attempt, 2000);
      if (!(error instanceof StoreUnavailable) || Date.now() + retryInMs > until) throw error;
      options.onProgress?.({ kind: "unavailable", keyspace: keyspace.keyspace, reason: error.message, retryInMs });
      await sleep(retryInMs);
    }
  }
}

async function openSession<T>(options: Options, keyspace: Keyspace, work: (visit: Session) => Promise<T>): Promise<T> {
  const connection = await StoreConnection.open(options.stores[keyspace.store] as Store, keyspace.database, generateClientName());
  try {
    const where = formatTarget(connection.target);
    const server = await readServerInfo(connection);
    const notes = checkServer(server, keyspace, where);
    await checkDatabases(connection, keyspace);
    return await work({ connection, keyspace, internalKeys: createInternalKeys(keyspace), server, where, notes });
  } finally {
    connection.close();
  }
}
