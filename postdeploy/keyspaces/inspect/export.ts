/**
 * A store's keys in the form of the files they could have come from. Keys are read one page after the other while others write, so this is
 * no point in time.
 */
import { isUtf8 } from "node:buffer";
import { Failure } from "../../connect/failure.ts";
import { type Bytes, TYPES, type Value } from "../read/entry.ts";
import { nameOfLedger } from "../read/internal-keys.ts";
import { KeySet } from "../read/key-set.ts";
import { type Keyspace, readKeyspaces } from "../read/keyspace.ts";
import { addRead, readsOf, scoreText, valueFrom } from "../read/value.ts";
import type { Wire } from "../wire/connection.ts";
import { Commands } from "../wire/resp.ts";
import { typesOf } from "./mismatch.ts";
import type { Options } from "./options.ts";
import { visit } from "./session.ts";

export interface ExportOptions extends Options {
  /** Values of keys whose pattern is secret, too. @default false */
  readonly secrets?: boolean | undefined;
  /** Given each line, without its end, and the keyspace it is of. */
  readonly onLine: (line: string, keyspace: string) => void | Promise<void>;
}

export interface ExportResult {
  readonly keyspace: string;
  readonly keys: number;
  /** Of these only the name was written. */
  readonly masked: number;
  /** Keys that are no text, or of a type that no file can declare. */
  readonly left: readonly string[];
}

export const MASK = "••••••";

export async function exportKeys(options: ExportOptions): Promise<ExportResult[]> {
  const results: ExportResult[] = [];
  const { only, stores } = options;
  const wanted = readKeyspaces(options.folder, options.system).filter(
    ({ keyspace, store }) => stores[store] !== undefined && (only === undefined || only.includes(keyspace)),
  );
  if (wanted.length === 0)
    throw new Failure(
      "no-keyspace",
      2,
      `${options.folder} declares no keyspace${only === undefined ? "" : ` "${only.join()}"`} in the stores given.`,
    );
  for (const keyspace of wanted) results.push(await visit(options, keyspace, ({ wire }) => exportOne(wire, keyspace, options)));
  return results;
}

async function exportOne(wire: Wire, keyspace: Keyspace, { secrets, onLine }: ExportOptions): Promise<ExportResult> {
  const left: string[] = [];
  let [keys, masked] = [0, 0];
  // SCAN may give a key twice; a file may not.
  const seen = new KeySet();
  for (let cursor = "0", first = true; first || cursor !== "0"; first = false) {
    const [next, page] = (await wire.call("SCAN", cursor, "COUNT", "500")) as readonly [Buffer, readonly Buffer[]];
    cursor = next.toString();
    const names: string[] = [];
    for (const name of page) {
      if (!isUtf8(name) || name.length === 0) left.push(name.toString("latin1"));
      else if (!isOurs(keyspace, name.toString()) && seen.add(name.toString())) names.push(name.toString());
    }
    for (const { key, value, ttl } of await readAll(wire, names, left)) {
      const secret = secrets !== true && isSecret(keyspace, key);
      keys++;
      if (secret) masked++;
      await onLine(
        JSON.stringify({
          key,
          ...(secret ? { [value.type]: MASK } : written(value)),
          ...(ttl >= 0 ? { ttl: `${Math.max(ttl, 1)}ms` } : {}),
        }),
        keyspace.keyspace,
      );
    }
  }
  return { keyspace: keyspace.keyspace, keys, masked, left };
}

/** What every seed writes by itself is in no file. */
const isOurs = ({ scripts }: Keyspace, key: string): boolean => key.startsWith(nameOfLedger) || key === scripts?.registry;

/** Beside secret keys, one that nobody declared may be as secret as they are. */
function isSecret({ patterns }: Keyspace, key: string): boolean {
  const pattern = patterns.find(({ matches }) => matches(key));
  return pattern === undefined ? patterns.some(({ secret }) => secret) : pattern.secret;
}

async function readAll(wire: Wire, names: readonly string[], left: string[]) {
  const types = await typesOf(wire, names);
  const known = names.flatMap((key, index) => {
    const type = types[index];
    if (type === undefined) return [];
    if (TYPES.includes(type)) return [{ key, type }];
    left.push(key);
    return [];
  });
  const commands = new Commands();
  for (const { key, type } of known) {
    addRead(commands, type, key);
    commands.add("PTTL", key);
  }
  const replies = await wire.send(commands);
  let at = 0;
  return known.flatMap(({ key, type }) => {
    const value = valueFrom(type, replies.slice(at, at + readsOf(type)));
    const ttl = replies[at + readsOf(type)] as number;
    at += readsOf(type) + 1;
    // Gone since its type was asked for.
    if (value === undefined || ttl === -2) return [];
    if (value.type !== "stream" || value.entries.length + value.groups.length > 0) return [{ key, value, ttl }];
    left.push(key);
    return [];
  });
}

function written(value: Value): Record<string, unknown> {
  switch (value.type) {
    case "string":
      return { string: text(value.value) };
    case "hash":
      return { hash: named(value.fields.map(([name, content]) => [name, text(content)])) };
    case "list":
      return { list: value.items.map(text) };
    case "set":
      return { set: value.members.map(text) };
    case "zset":
      return {
        zset: named(value.members.map(([member, score]) => [member, Number.isFinite(score) ? score : scoreText(score)])),
      };
    case "stream":
      return {
        stream: {
          entries: value.entries.map(({ id, fields }) => ({
            id,
            fields: inOrder(fields.map(([name, content]) => [name, text(content)])),
          })),
          groups: value.groups,
        },
      };
  }
}

type Pairs = readonly (readonly [Bytes, unknown])[];

/** An object where every name is text. */
const named = (pairs: Pairs): unknown =>
  pairs.every(([name]) => typeof name === "string") ? Object.fromEntries(pairs) : pairs.map(([name, content]) => [text(name), content]);

/** The same where order and repetition count: an object puts numbers first, and has a name once. */
function inOrder(pairs: Pairs): unknown {
  const object = named(pairs);
  const names = Object.keys(object as object);
  return names.length === pairs.length && pairs.every(([name], index) => name === names[index])
    ? object
    : pairs.map(([name, content]) => [text(name), content]);
}

const text = (bytes: Bytes): unknown =>
  typeof bytes === "string" ? bytes : isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString("base64") };
