/**
 * Exports the keys of a store as lines of a data file. It pages through the keys while other clients write, so the result is not a
 * point-in-time snapshot.
 */
import { isUtf8 } from "node:buffer";
import { Failure } from "../../connect/failure.ts";
import { TYPES, type Value } from "../read/entry.ts";
import { INTERNAL_PREFIX } from "../read/internal-keys.ts";
import { KeySet } from "../read/key-set.ts";
import { type Keyspace, readKeyspaces } from "../read/keyspace.ts";
import { formatScore } from "../read/value.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { type Bytes, Commands } from "../wire/resp.ts";
import type { Options } from "./options.ts";
import { withSession } from "./session.ts";
import { addReadCommands, countReadReplies, decodeValue, readTypes } from "./stored-values.ts";

export interface ExportOptions extends Options {
  /** Include secret values instead of masking them. @default false */
  readonly secrets?: boolean | undefined;
  /** Called with each line, without line feed. */
  readonly onLine: (line: string, keyspace: string) => void | Promise<void>;
}

export interface ExportResult {
  readonly keyspace: string;
  readonly keys: number;
  /** Number of keys whose value is masked. */
  readonly masked: number;
  /** Keys that no file can declare, because their name is binary or their type is unsupported. */
  readonly left: readonly string[];
}

const MASK = "••••••";

export async function exportKeys(options: ExportOptions): Promise<ExportResult[]> {
  const results: ExportResult[] = [];
  const { only, stores } = options;
  const selected = readKeyspaces(options.folder, options.system).filter(
    ({ keyspace, store }) => stores[store] !== undefined && (only === undefined || only.includes(keyspace)),
  );
  if (selected.length === 0)
    throw new Failure(
      "no-keyspace",
      2,
      `${options.folder} declares no keyspace${only === undefined ? "" : ` "${only.join()}"`} for the given stores. Check --only and the stores of the keyspaces.`,
    );
  for (const keyspace of selected)
    results.push(await withSession(options, keyspace, ({ connection }) => exportKeyspace(connection, keyspace, options)));
  return results;
}

async function exportKeyspace(connection: StoreConnection, keyspace: Keyspace, { secrets, onLine }: ExportOptions): Promise<ExportResult> {
  const left: string[] = [];
  let [keys, masked] = [0, 0];
  // SCAN may return a key twice.
  const seen = new KeySet();
  for (let cursor = "0", first = true; first || cursor !== "0"; first = false) {
    const [next, page] = (await connection.call("SCAN", cursor, "COUNT", "500")) as readonly [Buffer, readonly Buffer[]];
    cursor = next.toString();
    const names: string[] = [];
    for (const name of page) {
      if (!isUtf8(name) || name.length === 0) left.push(name.toString("latin1"));
      else if (!isInternal(keyspace, name.toString()) && seen.add(name.toString())) names.push(name.toString());
    }
    for (const { key, value, ttl } of await readValues(connection, names, left)) {
      const secret = secrets !== true && isSecret(keyspace, key);
      keys++;
      if (secret) masked++;
      await onLine(
        JSON.stringify({
          key,
          ...(secret ? { [value.type]: MASK } : formatValue(value)),
          ...(ttl >= 0 ? { ttl: `${Math.max(ttl, 1)}ms` } : {}),
        }),
        keyspace.keyspace,
      );
    }
  }
  return { keyspace: keyspace.keyspace, keys, masked, left };
}

/** Keys that every seed writes itself and no file declares. */
const isInternal = ({ scripts }: Keyspace, key: string): boolean => key.startsWith(INTERNAL_PREFIX) || key === scripts?.registry;

/** An undeclared key counts as secret if any pattern is. */
function isSecret({ patterns }: Keyspace, key: string): boolean {
  const pattern = patterns.find(({ matches }) => matches(key));
  return pattern === undefined ? patterns.some(({ secret }) => secret) : pattern.secret;
}

async function readValues(connection: StoreConnection, names: readonly string[], left: string[]) {
  const types = await readTypes(connection, names);
  const known = names.flatMap((key, index) => {
    const type = types[index];
    if (type === undefined) return [];
    if (TYPES.includes(type)) return [{ key, type }];
    left.push(key);
    return [];
  });
  const commands = new Commands();
  for (const { key, type } of known) {
    addReadCommands(commands, type, key);
    commands.add("PTTL", key);
  }
  const replies = await connection.send(commands);
  let at = 0;
  return known.flatMap(({ key, type }) => {
    const value = decodeValue(type, replies.slice(at, at + countReadReplies(type)));
    const ttl = replies[at + countReadReplies(type)] as number;
    at += countReadReplies(type) + 1;
    // The key expired or was removed after its type was read.
    if (value === undefined || ttl === -2) return [];
    if (value.type !== "stream" || value.entries.length + value.groups.length > 0) return [{ key, value, ttl }];
    left.push(key);
    return [];
  });
}

function formatValue(value: Value): Record<string, unknown> {
  switch (value.type) {
    case "string":
      return { string: formatBytes(value.value) };
    case "hash":
      return { hash: formatNamed(value.fields.map(([name, content]) => [name, formatBytes(content)])) };
    case "list":
      return { list: value.items.map(formatBytes) };
    case "set":
      return { set: value.members.map(formatBytes) };
    case "zset":
      return {
        zset: formatNamed(value.members.map(([member, score]) => [member, Number.isFinite(score) ? score : formatScore(score)])),
      };
    case "stream":
      return {
        stream: {
          entries: value.entries.map(({ id, fields }) => ({
            id,
            fields: formatOrdered(fields.map(([name, content]) => [name, formatBytes(content)])),
          })),
          groups: value.groups,
        },
      };
  }
}

type Pairs = readonly (readonly [Bytes, unknown])[];

/** An object if every name is text, otherwise pairs. */
const formatNamed = (pairs: Pairs): unknown =>
  pairs.every(([name]) => typeof name === "string")
    ? Object.fromEntries(pairs)
    : pairs.map(([name, content]) => [formatBytes(name), content]);

/** Like `formatNamed`, but uses pairs if an object would lose the order or a repeated name. */
function formatOrdered(pairs: Pairs): unknown {
  const object = formatNamed(pairs);
  const names = Object.keys(object as object);
  return names.length === pairs.length && pairs.every(([name], index) => name === names[index])
    ? object
    : pairs.map(([name, content]) => [formatBytes(name), content]);
}

const formatBytes = (bytes: Bytes): unknown =>
  typeof bytes === "string" ? bytes : isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString("base64") };
