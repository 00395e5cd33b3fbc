import { mkdirSync } from "node:fs";
import { Journal, type Operation } from "./journal.ts";
import { lockDirectory } from "./lock.ts";

/**
 * The cloud's state: collections of records in memory, and a journal on disk.
 *
 * All changes made in one turn of the event loop become one line of the journal, so a crash keeps or loses them together. `saved()` resolves
 * when all changes so far are on disk; the API replies only after that.
 */
export interface Store {
  /** Records are immutable: to change one, put a new value. */
  collection<T>(name: string): Collection<T>;
  saved(): Promise<void>;
  /** Writes pending changes and unlocks the directory. */
  close(): Promise<void>;
}

export interface Collection<T> {
  get(id: string): T | undefined;
  /** In insertion order. */
  all(): T[];
  put(id: string, value: T): void;
  delete(id: string): void;
}

export async function openStore(directory: string): Promise<Store> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(directory);
  const collections = new Map<string, Map<string, unknown>>();
  const collectionOf = (name: string) => {
    const existing = collections.get(name);
    if (existing) return existing;
    const created = new Map<string, unknown>();
    collections.set(name, created);
    return created;
  };

  const journal = await Journal.open(directory, {
    restore: ({ kind, id, value }) => (value === undefined ? collectionOf(kind).delete(id) : collectionOf(kind).set(id, value)),
    everything: function* () {
      for (const [kind, records] of collections) for (const [id, value] of records) yield { kind, id, value };
    },
  }).catch((error: unknown) => {
    unlock();
    throw error;
  });
  const record = (operation: Operation) => journal.append(operation);

  return {
    collection<T>(name: string): Collection<T> {
      const records = collectionOf(name) as Map<string, T>;
      return {
        get: (id) => records.get(id),
        all: () => [...records.values()],
        put: (id, value) => {
          records.set(id, value);
          record({ kind: name, id, value });
        },
        delete: (id) => {
          if (records.delete(id)) record({ kind: name, id });
        },
      };
    },
    saved: () => journal.saved(),
    close: async () => {
      await journal.close();
      unlock();
    },
  };
}
