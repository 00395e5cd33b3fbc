/** Goes to each keyspace's store and does one thing there; a store that is away is waited for, and the thing begun anew. */
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
  readonly keys: InternalKeys;
  readonly server: ServerInfo;
  readonly where: string;
  readonly notes: string[];
}

/** Keyspaces that have something to seed and a store to put it in, in the order of their files. */
export function selectKeyspaces({ folder, system, stores, only }: Options): Keyspace[] {
  const all = readKeyspaces(folder, system);
  const unknown = only?.find((name) => !all.some(({ keyspace }) => keyspace === name));
  if (unknown !== undefined)
    throw new Failure(
      "no-keyspace",
      2,
      `${folder} declares no keyspace "${unknown}". There are: ${all.map(({ keyspace }) => keyspace).join(", ") || "none"}.`,
    );
  const wanted = all.filter((keyspace) => isSeeded(keyspace) && (only === undefined || only.includes(keyspace.keyspace)));
  const found = wanted.filter(({ store }) => stores[store] !== undefined);
  for (const keyspace of found) rejectCache(keyspace, stores[keyspace.store] as Store);
  return found;
}

function rejectCache(keyspace: Keyspace, { class: kind }: Store): void {
  if (kind !== "cache" || !keyspace.durable) return;
  throw new Failure(
    "unsafe-store",
    2,
    `${keyspace.file}: the keyspace ${keyspace.keyspace} is durable, and its store ${keyspace.store} is a cache, which drops keys when it is full. Nothing was written. Name a store of class state.`,
  );
}

export async function withSession<T>(options: Options, keyspace: Keyspace, work: (visit: Session) => Promise<T>): Promise<T> {
  const until = Date.now() + (options.patienceMs ?? 60_000);
  for (let turn = 0; ; turn++) {
    try {
      return await openSession(options, keyspace, work);
    } catch (error) {
      const inMs = Math.min(100 * 2 ** turn, 2000);
      if (!(error instanceof StoreUnavailable) || Date.now() + inMs > until) throw error;
      options.onProgress?.({ kind: "away", keyspace: keyspace.keyspace, why: error.message, inMs });
      await sleep(inMs);
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
    return await work({ connection, keyspace, keys: createInternalKeys(keyspace), server, where, notes });
  } finally {
    connection.close();
  }
}
