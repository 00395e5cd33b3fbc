/** Digests of declared keys. The state of a deployment keeps them, so that the next preview can count changed keys without names or values. */
import { hash } from "node:crypto";
import { statSync } from "node:fs";
import { Failure } from "../../connect/failure.ts";
import { readBatches } from "./entries.ts";
import { dataFilePath } from "./files.ts";
import { type Keyspace, readKeyspaces } from "./keyspace.ts";
import { digestValue } from "./value.ts";

/** By keyspace: for each key six characters of a digest of its name and six of a digest of the whole entry. */
export type KeyDigests = Readonly<Record<string, readonly string[]>>;

/** Beyond these limits the state would become too large, and the preview counts files instead. */
const MAX_KEYS = 1000;
const MAX_BYTES = 1024 * 1024;
const LENGTH = 6;

export async function digestDeclaredKeys(folder: string, system: string): Promise<KeyDigests> {
  const found: Record<string, readonly string[]> = {};
  try {
    for (const keyspace of readKeyspaces(folder, system)) {
      const keys = isSmall(keyspace) ? await digestKeys(keyspace) : [];
      if (keys.length <= MAX_KEYS) found[keyspace.keyspace] = keys;
    }
    return found;
  } catch (error) {
    // The run itself reports errors in the files.
    if (error instanceof Failure) return {};
    throw error;
  }
}

/** Whether a preview may read its data. */
export const isSmall = (keyspace: Keyspace): boolean =>
  keyspace.data.reduce((sum, name) => sum + statSync(dataFilePath(keyspace, name)).size, 0) <= MAX_BYTES;

async function digestKeys(keyspace: Keyspace): Promise<string[]> {
  const keys: string[] = [];
  // Includes the store and the database, because a key that moves is written again.
  const { store, database } = keyspace;
  for await (const batch of readBatches(keyspace))
    for (const { key, value, ttl, policy } of batch)
      keys.push(shortHash(key) + shortHash(JSON.stringify([store, database, key, digestValue(value), ttl, policy])));
  return keys;
}

const shortHash = (text: string): string => hash("sha1", text, "base64").slice(0, LENGTH);

/** Counts added, changed and removed keys; undefined if either side has no digests. */
export function countChangedKeys(before: readonly string[] | undefined, after: readonly string[] | undefined): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  const [old, now] = [before, after].map((all) => new Map(all.map((one) => [one.slice(0, LENGTH), one]))) as [
    Map<string, string>,
    Map<string, string>,
  ];
  return [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key)).length;
}
