/** From what a file says of a key to the entry it declares. The form is the same in YAML and in JSON lines. */
import { isUtf8 } from "node:buffer";
import { parseDuration } from "./duration.ts";
import {
  type Bytes,
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
import { decodeName, nameIdentity } from "./value.ts";

/** What holds for every key of a keyspace. */
export interface KeyRules {
  readonly keyspace: string;
  readonly prefix: string;
  readonly policy: Policy;
  readonly patterns: readonly Pattern[];
  /** Whose registry is slipway's to write. */
  readonly scripts?: { readonly registry: string } | undefined;
}

/** Redis takes no longer value (proto-max-bulk-len). */
export const MAX_VALUE_BYTES = 512 * 1024 * 1024;

const VALUE_FIELDS = [...TYPES, "json"] as const;
const KNOWN_FIELDS: ReadonlySet<string> = new Set(["key", "ttl", "policy", ...VALUE_FIELDS]);

type JsonObject = Readonly<Record<string, unknown>>;

export function parseEntry(given: unknown, rules: KeyRules, place: FileLocation): Entry {
  if (!isObject(given)) throw declarationError(place, `is not a key. Write { key: …, string: … }.`);
  const { key: name } = given;
  if (typeof name !== "string" || name === "") throw declarationError(place, `has no key. Write { key: "…", string: "…" }.`);
  const key = escapeControlCharacters(name);
  for (const field in given)
    if (!KNOWN_FIELDS.has(field))
      throw declarationError(
        place,
        `${key}: "${escapeControlCharacters(field)}" is unknown. Allowed: key, ttl, policy, and one of ${VALUE_FIELDS.join(", ")}.`,
      );
  const value = parseValue(key, given, place);
  const policy = given.policy === undefined ? rules.policy : (given.policy as Policy);
  if (!POLICIES.includes(policy))
    throw declarationError(place, `${key}: the policy ${summarize(given.policy)} is unknown. Allowed: ${POLICIES.join(", ")}.`);
  const pattern = rules.patterns.find(({ matches }) => matches(name));
  if (!name.startsWith(rules.prefix))
    throw declarationError(
      place,
      `${key} does not begin with "${rules.prefix}", the prefix of the keyspace ${rules.keyspace}. Rename the key, or move it.`,
    );
  if (name.startsWith(INTERNAL_PREFIX))
    throw declarationError(place, `${key}: names that begin with ${INTERNAL_PREFIX} are the ledger's. Choose another.`);
  if (name === rules.scripts?.registry)
    throw declarationError(
      place,
      `${key} is the registry of the scripts, which slipway writes itself. Take it out, or name another registry.`,
    );
  if (pattern === undefined)
    throw declarationError(
      place,
      `${key} fits no pattern of the keyspace ${rules.keyspace}: ${rules.patterns.map(({ text }) => text).join(", ") || "none is declared"}. Add one under keys, with its type, TTL and owner.`,
    );
  if (value.type !== pattern.type)
    throw declarationError(
      place,
      `${key} is a ${value.type}, and what fits ${pattern.text} is a ${pattern.type}. Write ${pattern.type}: …, or mend the pattern.`,
    );
  return { key: name, value, policy, ttl: parseTtl(key, given.ttl, pattern, place) };
}

function parseTtl(key: string, given: unknown, pattern: Pattern, place: FileLocation): number {
  if (given === undefined) {
    if (pattern.ttl > 0)
      throw declarationError(place, `${key} has no ttl, and what fits ${pattern.text} expires. Write ttl: ${pattern.ttlText}, or less.`);
    return 0;
  }
  const ttl = parseDuration(given);
  if (ttl === undefined)
    throw declarationError(
      place,
      `${key}: the ttl ${summarize(given)} is none. Write a number with ms, s, m, h or d, such as 15m; ten years at most.`,
    );
  if (pattern.ttl === 0)
    throw declarationError(place, `${key} has a ttl, and what fits ${pattern.text} lives for ever. Take the ttl out, or mend the pattern.`);
  if (ttl > pattern.ttl)
    throw declarationError(place, `${key}: the ttl ${given} is longer than what fits ${pattern.text} may live (${pattern.ttlText}).`);
  return ttl;
}

function parseValue(key: string, given: JsonObject, place: FileLocation): Value {
  let form: (typeof VALUE_FIELDS)[number] | undefined;
  for (const one of VALUE_FIELDS) {
    if (given[one] === undefined) continue;
    if (form !== undefined) throw declarationError(place, `${key} has two values, ${form} and ${one}. Keep one.`);
    form = one;
  }
  if (form === undefined) throw declarationError(place, `${key} has no value. Write one of ${VALUE_FIELDS.join(", ")}.`);
  const content = given[form];
  const at = `${key}: ${form}`;
  switch (form) {
    case "string":
      return { type: "string", value: parseBytes(content, at, place) };
    case "json":
      return { type: "string", value: JSON.stringify(content) };
    case "hash":
      return { type: "hash", fields: requireUniqueNames(parseFields(content, at, place), at, place) };
    case "list":
      return { type: "list", items: parseList(content, at, place).map((item) => parseBytes(item, at, place)) };
    case "set": {
      const members = parseList(content, at, place).map((member) => parseBytes(member, at, place));
      const seen = new Set<string>();
      for (const member of members) {
        const text = typeof member === "string" ? member : member.toString("latin1");
        if (seen.has(text))
          throw declarationError(place, `${at}: ${summarize(text)} stands in it twice. A set holds a member once; take one out.`);
        seen.add(text);
      }
      return { type: "set", members };
    }
    case "zset":
      return {
        type: "zset",
        members: requireUniqueNames(
          parsePairs(content, at, place).map(
            ([member, score]) => [member, parseScore(score, `${at}: the score of ${formatName(member)}`, place)] as const,
          ),
          at,
          place,
        ),
      };
    case "stream":
      return parseStream(content, at, place);
  }
}

function parseScore(score: unknown, at: string, place: FileLocation): number {
  const number = score === "inf" || score === "+inf" ? Infinity : score === "-inf" ? -Infinity : score;
  if (typeof number !== "number" || Number.isNaN(number))
    throw declarationError(place, `${at} is ${summarize(score)}. Write a number, inf or -inf.`);
  return number === 0 ? 0 : number;
}

function parseStream(content: unknown, at: string, place: FileLocation): Value {
  const { entries = [], groups = [], ...rest } = isObject(content) ? content : { rest: content };
  if (Object.keys(rest).length > 0 || !Array.isArray(entries) || !Array.isArray(groups))
    throw declarationError(place, `${at} is { entries: [{ id: 1-1, fields: {…} }], groups: [{ name: …, from: "0" }] }.`);
  let last: readonly [bigint, bigint] = [0n, 0n];
  const read = entries.map((entry: unknown): StreamEntry => {
    const { id, fields } = (isObject(entry) ? entry : {}) as JsonObject;
    const now = parseStreamId(id);
    if (now === undefined)
      throw declarationError(
        place,
        `${at}: ${summarize(id)} is no id of an entry. Write one such as 1-1, so that a second run finds the same.`,
      );
    if (now[0] < last[0] || (now[0] === last[0] && now[1] <= last[1]))
      throw declarationError(place, `${at}: ${id} does not come after ${last.join("-")}. A stream only grows; put the entries in order.`);
    last = now;
    const read = parseFields(fields, `${at} ${id}`, place);
    if (read.length > MAX_STREAM_FIELDS)
      throw declarationError(
        place,
        `${at} ${id} has ${read.length} fields, and one entry may have ${MAX_STREAM_FIELDS}. Write several entries.`,
      );
    return { id: now.join("-"), fields: read };
  });
  const named = groups.map((group: unknown): ConsumerGroup => {
    const { name, from = "0" } = (isObject(group) ? group : {}) as JsonObject;
    const since = from === "$" ? last : (parseStreamId(from) ?? (/^0(-0)?$/.test(String(from)) ? ([0n, 0n] as const) : undefined));
    if (typeof name !== "string" || name === "" || since === undefined)
      throw declarationError(place, `${at}: a group is { name: …, from: "0" }, where from is the id of an entry, "0" or "$".`);
    return { name, from: since.join("-") };
  });
  if (new Set(named.map(({ name }) => name)).size < named.length) throw declarationError(place, `${at}: a group stands in it twice.`);
  if (read.length + named.length === 0) throw emptyError(at, place);
  return { type: "stream", entries: read, groups: named };
}

/** 64 bits. */
const MAX_ID_PART = 2n ** 64n - 1n;

function parseStreamId(text: unknown): readonly [bigint, bigint] | undefined {
  const [, ms, sequence] = /^(\d{1,20})-(\d{1,20})$/.exec(String(text)) ?? [];
  if (ms === undefined || sequence === undefined) return undefined;
  const id = [BigInt(ms), BigInt(sequence)] as const;
  return (id[0] === 0n && id[1] === 0n) || id.some((part) => part > MAX_ID_PART) ? undefined : id;
}

/** An entry is written by one command, and a script may give that no more arguments than a few thousand. */
const MAX_STREAM_FIELDS = 3500;

function parseFields(content: unknown, at: string, place: FileLocation): (readonly [Bytes, Bytes])[] {
  return parsePairs(content, at, place).map(([field, value]) => [field, parseBytes(value, `${at}.${formatName(field)}`, place)] as const);
}

/** { name: value }, or [[name, value]] where a name is no text, or their order counts. */
function parsePairs(content: unknown, at: string, place: FileLocation): (readonly [Bytes, unknown])[] {
  if (Array.isArray(content) && content.length > 0 && content.every((one) => Array.isArray(one) && one.length === 2))
    return content.map(([name, value]: readonly unknown[]) => {
      const bytes = parseBytes(name, `${at}: a name`, place);
      return [typeof bytes === "string" || !isUtf8(bytes) ? bytes : decodeName(bytes), value] as const;
    });
  if (!isObject(content)) throw declarationError(place, `${at} is ${summarize(content)}. Write { name: value }, or [[name, value]].`);
  const all = Object.entries(content);
  if (all.length === 0) throw emptyError(at, place);
  for (const [name] of all) parseBytes(name, `${at}: a name`, place);
  return all;
}

function requireUniqueNames<T>(all: readonly (readonly [Bytes, T])[], at: string, place: FileLocation): readonly (readonly [Bytes, T])[] {
  const names = new Set<string>();
  for (const [name] of all) {
    if (names.size === names.add(nameIdentity(name)).size)
      throw declarationError(place, `${at}: ${formatName(name)} stands in it twice, and can have one value. Take one out.`);
  }
  return all;
}

const formatName = (name: Bytes): string =>
  typeof name === "string" ? escapeControlCharacters(name) : `{ base64: ${name.toString("base64")} }`;

function parseList(content: unknown, at: string, place: FileLocation): readonly unknown[] {
  if (!Array.isArray(content)) throw declarationError(place, `${at} is ${summarize(content)}. Write a list.`);
  if (content.length === 0) throw emptyError(at, place);
  return content;
}

const emptyError = (at: string, place: FileLocation) =>
  declarationError(place, `${at} is empty, and Redis has no empty ones: such a key does not exist. Take it out.`);

function parseBytes(value: unknown, at: string, place: FileLocation): Bytes {
  const bytes = decodeScalar(value, at, place);
  // A UTF-16 unit is three bytes of UTF-8 at most, so nearly every text is seen to be short enough without counting.
  if (bytes.length * 3 > MAX_VALUE_BYTES && (typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length) > MAX_VALUE_BYTES)
    throw declarationError(place, `${at} has more than 512 MiB, which is as long as a value may be. Split it over several keys.`);
  return bytes;
}

function decodeScalar(value: unknown, at: string, place: FileLocation): Bytes {
  if (typeof value === "string") {
    if (/\p{Surrogate}/u.test(value))
      throw declarationError(place, `${at} has half a surrogate pair, which UTF-8 cannot write. Write the bytes: { base64: … }.`);
    return value;
  }
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  if (isObject(value) && typeof value.base64 === "string" && Object.keys(value).length === 1) {
    const bytes = Buffer.from(value.base64, "base64");
    if (bytes.toString("base64").replace(/=+$/, "") !== value.base64.replace(/=+$/, ""))
      throw declarationError(place, `${at} is no base64. Make it with: base64 -w0 FILE`);
    return bytes;
  }
  throw declarationError(
    place,
    `${at} is ${summarize(value)}, which can be written in more than one way. Put it in quotes; bytes that are no text: { base64: … }; a structure: json.`,
  );
}

const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

/** Of a structure only what it is: nobody knows yet whether it is secret. */
function summarize(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
