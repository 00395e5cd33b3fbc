/** Compares declared entries with the store. A batch without differences costs one comparison of bytes. */
import type { Entry } from "../read/entry.ts";
import { digestValue, formatScore } from "../read/value.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { type Bytes, Commands, type Reply } from "../wire/resp.ts";
import { addReadCommands, countReadReplies, decodeValue, readTypes } from "./stored-values.ts";

export type Difference =
  | { readonly kind: "absent" }
  | { readonly kind: "type"; readonly actual: string }
  | { readonly kind: "value"; readonly digest: string }
  /** The value is as declared, but the TTL is not. */
  | { readonly kind: "ttl"; readonly actual: "no TTL" | "a TTL" | "a longer TTL than declared" };

export interface Mismatch {
  readonly entry: Entry;
  readonly difference: Difference;
}

/** @param everyTtl also compares keys that are declared without a TTL, which doubles the number of reads */
export async function findMismatches(connection: StoreConnection, entries: readonly Entry[], everyTtl = false): Promise<Mismatch[]> {
  const [values, ttls] = await Promise.all([compareValues(connection, entries), compareTtls(connection, entries, everyTtl)]);
  const mismatches = new Set(values.map(({ entry }) => entry));
  return [...values, ...ttls.filter(({ entry }) => !mismatches.has(entry))];
}

async function compareValues(connection: StoreConnection, entries: readonly Entry[]): Promise<Mismatch[]> {
  // Commands and replies have the same order: one MGET for all strings, then the other types one by one.
  const strings = entries.filter(({ value }) => value.type === "string");
  const others = entries.filter(({ value }) => value.type !== "string");
  const commands = new Commands();
  if (strings.length > 0) commands.addAll(["MGET", ...strings.map(({ key }) => key)]);
  for (const { key, value } of others) addReadCommands(commands, value.type, key);
  const { count } = commands;
  const replies = await connection.exchange(commands.take(), count, encodeExpectedReply(strings, others));
  if (replies === undefined) return [];

  const mismatches: Mismatch[] = [];
  const unreadable: Entry[] = [];
  const compare = (entry: Entry, replies: readonly Reply[]) => {
    const current = decodeValue(entry.value.type, replies);
    if (current === undefined) {
      unreadable.push(entry);
      return;
    }
    const digest = digestValue(current);
    if (digest !== digestValue(entry.value)) mismatches.push({ entry, difference: { kind: "value", digest } });
  };
  const texts = strings.length > 0 ? (replies[0] as readonly Reply[]) : [];
  for (const [index, entry] of strings.entries()) compare(entry, [texts[index] ?? null]);
  let at = strings.length > 0 ? 1 : 0;
  for (const entry of others) {
    const reads = countReadReplies(entry.value.type);
    compare(entry, replies.slice(at, at + reads));
    at += reads;
  }
  // An absent key and a key of another type give the same reply.
  const types = await readTypes(
    connection,
    unreadable.map(({ key }) => key),
  );
  unreadable.forEach((entry, index) => {
    const actual = types[index];
    // The key may have changed between the two reads. Writing it compares again.
    const difference =
      actual === undefined || actual === entry.value.type ? { kind: "absent" as const } : { kind: "type" as const, actual };
    mismatches.push({ entry, difference });
  });
  return mismatches;
}

async function compareTtls(connection: StoreConnection, entries: readonly Entry[], every: boolean): Promise<Mismatch[]> {
  const compared = every ? entries : entries.filter(({ ttl }) => ttl > 0);
  const commands = new Commands();
  for (const { key } of compared) commands.add("PTTL", key);
  const replies = await connection.send(commands);
  return compared.flatMap((entry, index): Mismatch[] => {
    const left = replies[index] as number;
    if (entry.ttl > 0 && left === -1) return [{ entry, difference: { kind: "ttl", actual: "no TTL" } }];
    // Only owned keys get their TTL back; other clients may extend the others.
    if (entry.policy === "own" && entry.ttl > 0 && left > entry.ttl)
      return [{ entry, difference: { kind: "ttl", actual: "a longer TTL than declared" } }];
    if (entry.ttl === 0 && left >= 0) return [{ entry, difference: { kind: "ttl", actual: "a TTL" } }];
    return [];
  });
}

/** Encodes the reply for unchanged keys, assuming that the server returns small values in insertion order. */
function encodeExpectedReply(strings: readonly Entry[], others: readonly Entry[]): Buffer {
  const expected = new Commands();
  if (strings.length > 0) expected.addAll(strings.map(({ value }) => (value.type === "string" ? value.value : "")));
  for (const { value } of others) {
    switch (value.type) {
      case "hash":
        expected.addAll(value.fields.flat());
        break;
      case "list":
        expected.addAll(value.items);
        break;
      case "set":
        expected.addAll(value.members);
        break;
      case "zset":
        expected.addAll(sortByScore(value.members));
        break;
      default:
        // The reply about stream groups contains more than is declared, so it is always parsed.
        expected.add();
    }
  }
  return expected.take();
}

function sortByScore(members: readonly (readonly [Bytes, number])[]): Bytes[] {
  return [...members]
    .sort(([a, one], [b, other]) => one - other || Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .flatMap(([member, score]) => [member, formatScore(score)]);
}
