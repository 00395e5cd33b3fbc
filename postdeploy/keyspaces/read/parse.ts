/** Parses and validates a declared key. YAML and JSON lines use the same form. */
import { isUtf8 } from "node:buffer";
import type { Bytes } from "../wire/resp.ts";
import {
  type ConsumerGroup,
  declarationError,
  type Entry,
  escapeControlCharacters,
  type FileLocation,
  POLICIES,
  type Policy,
  type StreamEntry,
  TYPES,
  type Value,
} from "./entry.ts";
import { INTERNAL_PREFIX } from "./internal-keys.ts";
import type { Pattern } from "./pattern.ts";
import { parseDuration } from "./pattern.ts";
import { decodeName, nameIdentity } from "./value.ts";

/** The rules for every key of a keyspace. */
export interface KeyRules {
  readonly keyspace: string;
  readonly prefix: string;
  readonly policy: Policy;
  readonly patterns: readonly Pattern[];
  /** Its registry is written by slipway only. */
  readonly scripts?: { readonly registry: string } | undefined;
}

/** The limit of Redis (proto-max-bulk-len). */
const MAX_VALUE_BYTES = 512 * 1024 * 1024;

const VALUE_FIELDS = [...TYPES, "json"] as const;
const KNOWN_FIELDS: ReadonlySet<string> = new Set(["key", "ttl", "policy", ...VALUE_FIELDS]);

type JsonObject = Readonly<Record<string, unknown>>;

export function parseEntry(raw: unknown, rules: KeyRules, location: FileLocation): Entry {
  if (!isObject(raw)) throw declarationError(location, "is not an object. Write { key: …, string: … }.");
  const { key: name } = raw;
  if (typeof name !== "string" || name === "") throw declarationError(location, 'has no key. Write { key: "…", string: "…" }.');
  const key = escapeControlCharacters(name);
  for (const field in raw)
    if (!KNOWN_FIELDS.has(field))
      throw declarationError(
        location,
        `${key}: "${escapeControlCharacters(field)}" is unknown. Allowed: key, ttl, policy, and one of ${VALUE_FIELDS.join(", ")}.`,
      );
  const value = parseValue(key, raw, location);
  const policy = raw.policy === undefined ? rules.policy : (raw.policy as Policy);
  if (!POLICIES.includes(policy))
    throw declarationError(location, `${key}: the policy ${summarize(raw.policy)} is unknown. Allowed: ${POLICIES.join(", ")}.`);
  const pattern = rules.patterns.find(({ matches }) => matches(name));
  if (!name.startsWith(rules.prefix))
    throw declarationError(
      location,
      `${key} does not start with "${rules.prefix}", the prefix of the keyspace ${rules.keyspace}. Rename the key, or declare it in another keyspace.`,
    );
  if (name.startsWith(INTERNAL_PREFIX))
    throw declarationError(location, `${key}: names that start with ${INTERNAL_PREFIX} are reserved for the ledger. Choose another name.`);
  if (name === rules.scripts?.registry)
    throw declarationError(
      location,
      `${key} is the script registry, which slipway writes itself. Remove the key, or choose another registry.`,
    );
  if (pattern === undefined)
    throw declarationError(
      location,
      `${key} matches no pattern of the keyspace ${rules.keyspace}: ${rules.patterns.map(({ text }) => text).join(", ") || "none declared"}. Add a pattern under keys, with its type, TTL and owner.`,
    );
  if (value.type !== pattern.type)
    throw declarationError(
      location,
      `${key} is a ${value.type}, but its pattern ${pattern.text} has type ${pattern.type}. Write ${pattern.type}: …, or change the pattern.`,
    );
  return { key: name, value, policy, ttl: parseTtl(key, raw.ttl, pattern, location) };
}

function parseTtl(key: string, raw: unknown, pattern: Pattern, location: FileLocation): number {
  if (raw === undefined) {
    if (pattern.ttl > 0)
      throw declarationError(
        location,
        `${key} has no ttl, but its pattern ${pattern.text} requires one. Write ttl: ${pattern.ttlText}, or less.`,
      );
    return 0;
  }
  const ttl = parseDuration(raw);
  if (ttl === undefined)
    throw declarationError(
      location,
      `${key}: the ttl ${summarize(raw)} is not a valid duration. Write a number with ms, s, m, h or d, such as 15m; at most ten years.`,
    );
  if (pattern.ttl === 0)
    throw declarationError(
      location,
      `${key} has a ttl, but keys of its pattern ${pattern.text} do not expire. Remove the ttl, or change the pattern.`,
    );
  if (ttl > pattern.ttl)
    throw declarationError(location, `${key}: the ttl ${raw} exceeds ${pattern.ttlText}, the ttl of its pattern ${pattern.text}.`);
  return ttl;
}

function parseValue(key: string, raw: JsonObject, location: FileLocation): Value {
  let form: (typeof VALUE_FIELDS)[number] | undefined;
  for (const field of VALUE_FIELDS) {
    if (raw[field] === undefined) continue;
    if (form !== undefined) throw declarationError(location, `${key} has two values, ${form} and ${field}. Keep one.`);
    form = field;
  }
  if (form === undefined) throw declarationError(location, `${key} has no value. Write one of ${VALUE_FIELDS.join(", ")}.`);
  const content = raw[form];
  const at = `${key}: ${form}`;
  switch (form) {
    case "string":
      return { type: "string", value: parseBytes(content, at, location) };
    case "json":
      return { type: "string", value: JSON.stringify(content) };
    case "hash":
      return { type: "hash", fields: requireUniqueNames(parseFields(content, at, location), at, location) };
    case "list":
      return { type: "list", items: parseList(content, at, location).map((item) => parseBytes(item, at, location)) };
    case "set": {
      const members = parseList(content, at, location).map((member) => parseBytes(member, at, location));
      const seen = new Set<string>();
      for (const member of members) {
        const text = typeof member === "string" ? member : member.toString("latin1");
        if (seen.has(text)) throw declarationError(location, `${at}: ${summarize(text)} occurs twice. Remove one.`);
        seen.add(text);
      }
      return { type: "set", members };
    }
    case "zset":
      return {
        type: "zset",
        members: requireUniqueNames(
          parsePairs(content, at, location).map(
            ([member, score]) => [member, parseScore(score, `${at}: the score of ${formatName(member)}`, location)] as const,
          ),
          at,
          location,
        ),
      };
    case "stream":
      return parseStream(content, at, location);
  }
}

function parseScore(score: unknown, at: string, location: FileLocation): number {
  const number = score === "inf" || score === "+inf" ? Infinity : score === "-inf" ? -Infinity : score;
  if (typeof number !== "number" || Number.isNaN(number))
    throw declarationError(location, `${at} is ${summarize(score)}. Write a number, inf or -inf.`);
  return number === 0 ? 0 : number;
}

function parseStream(content: unknown, at: string, location: FileLocation): Value {
  const { entries = [], groups = [], ...rest } = isObject(content) ? content : { rest: content };
  if (Object.keys(rest).length > 0 || !Array.isArray(entries) || !Array.isArray(groups))
    throw declarationError(
      location,
      `${at} has an invalid form. Write { entries: [{ id: 1-1, fields: {…} }], groups: [{ name: …, from: "0" }] }.`,
    );
  let last: readonly [bigint, bigint] = [0n, 0n];
  const read = entries.map((entry: unknown): StreamEntry => {
    const { id, fields } = (isObject(entry) ? entry : {}) as JsonObject;
    const now = parseStreamId(id);
    if (now === undefined)
      throw declarationError(
        location,
        `${at}: ${summarize(id)} is not a valid entry id. Write an explicit id such as 1-1, so that a second run finds the same entry.`,
      );
    if (now[0] < last[0] || (now[0] === last[0] && now[1] <= last[1]))
      throw declarationError(
        location,
        `${at}: ${id} is not greater than the previous id ${last.join("-")}. Put the entries in ascending order.`,
      );
    last = now;
    const read = parseFields(fields, `${at} ${id}`, location);
    if (read.length > MAX_STREAM_FIELDS)
      throw declarationError(
        location,
        `${at} ${id} has ${read.length} fields; the limit is ${MAX_STREAM_FIELDS}. Split it into several entries.`,
      );
    return { id: now.join("-"), fields: read };
  });
  const named = groups.map((group: unknown): ConsumerGroup => {
    const { name, from = "0" } = (isObject(group) ? group : {}) as JsonObject;
    const since = from === "$" ? last : (parseStreamId(from) ?? (/^0(-0)?$/.test(String(from)) ? ([0n, 0n] as const) : undefined));
    if (typeof name !== "string" || name === "" || since === undefined)
      throw declarationError(location, `${at}: invalid group. Write { name: …, from: "0" }, where from is an entry id, "0" or "$".`);
    return { name, from: since.join("-") };
  });
  if (new Set(named.map(({ name }) => name)).size < named.length)
    throw declarationError(location, `${at}: a group occurs twice. Remove one.`);
  if (read.length + named.length === 0) throw emptyError(at, location);
  return { type: "stream", entries: read, groups: named };
}

/** The largest 64-bit integer. */
const MAX_ID_PART = 2n ** 64n - 1n;

function parseStreamId(text: unknown): readonly [bigint, bigint] | undefined {
  const [, ms, sequence] = /^(\d{1,20})-(\d{1,20})$/.exec(String(text)) ?? [];
  if (ms === undefined || sequence === undefined) return undefined;
  const id = [BigInt(ms), BigInt(sequence)] as const;
  return (id[0] === 0n && id[1] === 0n) || id.some((part) => part > MAX_ID_PART) ? undefined : id;
}

/** An entry is written by one command, and Lua's unpack limits its arguments to a few thousand. */
const MAX_STREAM_FIELDS = 3500;

function parseFields(content: unknown, at: string, location: FileLocation): (readonly [Bytes, Bytes])[] {
  return parsePairs(content, at, location).map(
    ([field, value]) => [field, parseBytes(value, `${at}.${formatName(field)}`, location)] as const,
  );
}

/** { name: value }, or [[name, value]] if a name is binary or the order matters. */
function parsePairs(content: unknown, at: string, location: FileLocation): (readonly [Bytes, unknown])[] {
  if (Array.isArray(content) && content.length > 0 && content.every((one) => Array.isArray(one) && one.length === 2))
    return content.map(([name, value]: readonly unknown[]) => {
      const bytes = parseBytes(name, `${at}: name`, location);
      return [typeof bytes === "string" || !isUtf8(bytes) ? bytes : decodeName(bytes), value] as const;
    });
  if (!isObject(content)) throw declarationError(location, `${at} is ${summarize(content)}. Write { name: value }, or [[name, value]].`);
  const all = Object.entries(content);
  if (all.length === 0) throw emptyError(at, location);
  for (const [name] of all) parseBytes(name, `${at}: name`, location);
  return all;
}

function requireUniqueNames<T>(
  all: readonly (readonly [Bytes, T])[],
  at: string,
  location: FileLocation,
): readonly (readonly [Bytes, T])[] {
  const names = new Set<string>();
  for (const [name] of all) {
    if (names.size === names.add(nameIdentity(name)).size)
      throw declarationError(location, `${at}: ${formatName(name)} occurs twice. Remove one.`);
  }
  return all;
}

const formatName = (name: Bytes): string =>
  typeof name === "string" ? escapeControlCharacters(name) : `{ base64: ${name.toString("base64")} }`;

function parseList(content: unknown, at: string, location: FileLocation): readonly unknown[] {
  if (!Array.isArray(content)) throw declarationError(location, `${at} is ${summarize(content)}. Write a list.`);
  if (content.length === 0) throw emptyError(at, location);
  return content;
}

const emptyError = (at: string, location: FileLocation) =>
  declarationError(location, `${at} is empty. Redis does not store empty collections; remove the key.`);

function parseBytes(value: unknown, at: string, location: FileLocation): Bytes {
  const bytes = decodeScalar(value, at, location);
  // A UTF-16 unit takes at most three bytes in UTF-8, so most values need no exact count.
  if (bytes.length * 3 > MAX_VALUE_BYTES && (typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length) > MAX_VALUE_BYTES)
    throw declarationError(location, `${at} exceeds 512 MiB, the limit of a Redis value. Split it over several keys.`);
  return bytes;
}

function decodeScalar(value: unknown, at: string, location: FileLocation): Bytes {
  if (typeof value === "string") {
    if (/\p{Surrogate}/u.test(value))
      throw declarationError(location, `${at} contains half a surrogate pair, which has no UTF-8 form. Write the bytes as { base64: … }.`);
    return value;
  }
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  if (isObject(value) && typeof value.base64 === "string" && Object.keys(value).length === 1) {
    const bytes = Buffer.from(value.base64, "base64");
    if (bytes.toString("base64").replace(/=+$/, "") !== value.base64.replace(/=+$/, ""))
      throw declarationError(location, `${at} is not valid base64. Encode the file with: base64 -w0 FILE`);
    return bytes;
  }
  throw declarationError(
    location,
    `${at} is ${summarize(value)}, which is ambiguous as text. Quote it, or write binary data as { base64: … } and structures under json.`,
  );
}

const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

/** For messages. Does not print the contents of structures, because they may be secret. */
function summarize(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
