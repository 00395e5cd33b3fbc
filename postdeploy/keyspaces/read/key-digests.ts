/** What a deployment remembers of declared keys, so that the next preview can count which of them change: no name, no value. */
import { hash } from "node:crypto";
import { statSync } from "node:fs";
import { Failure } from "../../connect/failure.ts";
import { dataFilePath, readBatches } from "./entries.ts";
import { type Keyspace, readKeyspaces } from "./keyspace.ts";
import { digestValue } from "./value.ts";

/** By keyspace: for each key a digest of its name and one of all of it, six characters each. */
export type KeyDigests = Readonly<Record<string, readonly string[]>>;

/** More than this would weigh down every state and every preview; then files are counted. */
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
    // What is wrong with the files is told by the run itself, with their lines.
    if (error instanceof Failure) return {};
    throw error;
  }
}

const isSmall = (keyspace: Keyspace): boolean =>
  keyspace.data.reduce((sum, name) => sum + statSync(dataFilePath(keyspace, name)).size, 0) <= MAX_BYTES;

async function digestKeys(keyspace: Keyspace): Promise<string[]> {
  const keys: string[] = [];
  // A key that moves to another store or database is written anew there.
  const { store, database } = keyspace;
  for await (const batch of readBatches(keyspace))
    for (const { key, value, ttl, policy } of batch)
      keys.push(shortHash(key) + shortHash(JSON.stringify([store, database, key, digestValue(value), ttl, policy])));
  return keys;
}

const shortHash = (text: string): string => hash("sha1", text, "base64").slice(0, LENGTH);

/** How many keys of a keyspace come, go or change; undefined where one of the two was not noted. */
export function countChangedKeys(before: readonly string[] | undefined, after: readonly string[] | undefined): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  const [old, now] = [before, after].map((all) => new Map(all.map((one) => [one.slice(0, LENGTH), one]))) as [
    Map<string, string>,
    Map<string, string>,
  ];
  return [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key)).length;
}
