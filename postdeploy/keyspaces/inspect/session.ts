/** Goes to each keyspace's store and does one thing there; a store that is away is waited for, and the thing begun anew. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../connect/failure.ts";
import { type Names, namesOf } from "../read/internal-keys.ts";
import { isSeeded, type Keyspace, readKeyspaces } from "../read/keyspace.ts";
import { Wire } from "../wire/connection.ts";
import { Away } from "../wire/errors.ts";
import { clientName } from "../wire/lock.ts";
import { nameOf } from "../wire/target.ts";
import type { Options, Store } from "./options.ts";
import { checkDatabases, checkServer, readServer, type Server } from "./server.ts";

export interface Visit {
  readonly wire: Wire;
  readonly keyspace: Keyspace;
  readonly names: Names;
  readonly server: Server;
  readonly where: string;
  readonly notes: string[];
}

/** Keyspaces that have something to seed and a store to put it in, in the order of their files. */
export function keyspacesOf({ folder, system, stores, only }: Options): Keyspace[] {
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
  for (const keyspace of found) refuseCache(keyspace, stores[keyspace.store] as Store);
  return found;
}

function refuseCache(keyspace: Keyspace, { class: kind }: Store): void {
  if (kind !== "cache" || !keyspace.durable) return;
  throw new Failure(
    "unsafe-store",
    2,
    `${keyspace.file}: the keyspace ${keyspace.keyspace} is durable, and its store ${keyspace.store} is a cache, which drops keys when it is full. Nothing was written. Name a store of class state.`,
  );
}

export async function visit<T>(options: Options, keyspace: Keyspace, work: (visit: Visit) => Promise<T>): Promise<T> {
  const until = Date.now() + (options.patienceMs ?? 60_000);
  for (let turn = 0; ; turn++) {
    try {
      return await once(options, keyspace, work);
    } catch (error) {
      const inMs = Math.min(100 * 2 ** turn, 2000);
      if (!(error instanceof Away) || Date.now() + inMs > until) throw error;
      options.onProgress?.({ kind: "away", keyspace: keyspace.keyspace, why: error.message, inMs });
      await sleep(inMs);
    }
  }
}

async function once<T>(options: Options, keyspace: Keyspace, work: (visit: Visit) => Promise<T>): Promise<T> {
  const wire = await Wire.open(options.stores[keyspace.store] as Store, keyspace.database, clientName());
  try {
    const where = nameOf(wire.target);
    const server = await readServer(wire);
    const notes = checkServer(server, keyspace, where);
    await checkDatabases(wire, keyspace);
    return await work({ wire, keyspace, names: namesOf(keyspace), server, where, notes });
  } finally {
    wire.close();
  }
}
