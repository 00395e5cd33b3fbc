/** Compares a batch of entries with what the store holds. What is as declared costs one comparison of bytes. */
import type { Bytes, Entry, Type } from "../read/entry.ts";
import { addReadCommands, countReadReplies, decodeValue, digestValue, formatScore } from "../read/value.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { Commands, type Reply } from "../wire/resp.ts";

/** How an entry's key differs from what is declared. */
export type Difference =
  | { readonly kind: "absent" }
  | { readonly kind: "type"; readonly actual: string }
  | { readonly kind: "value"; readonly digest: string }
  /** The value is right, and it would live longer or shorter than declared. */
  | { readonly kind: "ttl"; readonly lives: "for ever" | "for a time" | "longer than declared" };

export interface Mismatch {
  readonly entry: Entry;
  readonly difference: Difference;
}

/** @param everyTtl also of keys that are to live for ever: twice the reading. */
export async function findMismatches(connection: StoreConnection, entries: readonly Entry[], everyTtl = false): Promise<Mismatch[]> {
  const [values, ttls] = await Promise.all([compareValues(connection, entries), compareTtls(connection, entries, everyTtl)]);
  const differing = new Set(values.map(({ entry }) => entry));
  return [...values, ...ttls.filter(({ entry }) => !differing.has(entry))];
}

async function compareValues(connection: StoreConnection, entries: readonly Entry[]): Promise<Mismatch[]> {
  // In one order for command, expected answer and answer: strings together, then the others one by one.
  const strings = entries.filter(({ value }) => value.type === "string");
  const others = entries.filter(({ value }) => value.type !== "string");
  const commands = new Commands();
  if (strings.length > 0) commands.addAll(["MGET", ...strings.map(({ key }) => key)]);
  for (const { key, value } of others) addReadCommands(commands, value.type, key);
  const { count } = commands;
  const replies = await connection.exchange(commands.take(), count, encodeExpectedReply(strings, others));
  if (replies === undefined) return [];

  const differing: Mismatch[] = [];
  const unclear: Entry[] = [];
  const compare = (entry: Entry, answers: readonly Reply[]) => {
    const current = decodeValue(entry.value.type, answers);
    if (current === undefined) {
      unclear.push(entry);
      return;
    }
    const digest = digestValue(current);
    if (digest !== digestValue(entry.value)) differing.push({ entry, difference: { kind: "value", digest } });
  };
  const texts = strings.length > 0 ? (replies[0] as readonly Reply[]) : [];
  for (const [index, entry] of strings.entries()) compare(entry, [texts[index] ?? null]);
  let at = strings.length > 0 ? 1 : 0;
  for (const entry of others) {
    const reads = countReadReplies(entry.value.type);
    compare(entry, replies.slice(at, at + reads));
    at += reads;
  }
  // Reads of what is absent and of what has another type look alike.
  const types = await readTypes(
    connection,
    unclear.map(({ key }) => key),
  );
  unclear.forEach((entry, index) => {
    const actual = types[index];
    // Between the two questions it may have come or gone: then it is looked at again when it is written.
    const is = actual === undefined || actual === entry.value.type ? { kind: "absent" as const } : { kind: "type" as const, actual };
    differing.push({ entry, difference: is });
  });
  return differing;
}

/** @returns undefined for what is absent. */
export async function readTypes(connection: StoreConnection, keys: readonly string[]): Promise<(Type | undefined)[]> {
  // Before a first seed all of them are absent, and one question tells it.
  if (keys.length === 0 || (await connection.call("EXISTS", ...keys)) === 0) return keys.map(() => undefined);
  const commands = new Commands();
  for (const key of keys) commands.add("TYPE", key);
  return (await connection.send(commands)).map((type) => (type === "none" ? undefined : (type as Type)));
}

async function compareTtls(connection: StoreConnection, entries: readonly Entry[], every: boolean): Promise<Mismatch[]> {
  const asked = every ? entries : entries.filter(({ ttl }) => ttl > 0);
  const commands = new Commands();
  for (const { key } of asked) commands.add("PTTL", key);
  const replies = await connection.send(commands);
  return asked.flatMap((entry, index): Mismatch[] => {
    const left = replies[index] as number;
    if (entry.ttl > 0 && left === -1) return [{ entry, difference: { kind: "ttl", lives: "for ever" } }];
    // Whose time others may prolong is theirs.
    if (entry.policy === "own" && entry.ttl > 0 && left > entry.ttl)
      return [{ entry, difference: { kind: "ttl", lives: "longer than declared" } }];
    if (entry.ttl === 0 && left >= 0) return [{ entry, difference: { kind: "ttl", lives: "for a time" } }];
    return [];
  });
}

/** The bytes of the answer if everything is as declared and the server keeps small values in the order in which they came. */
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
        // A stream's groups tell more than is declared, so its answer is always read.
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
