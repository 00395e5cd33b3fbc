/** From what a file says of a key to the entry it declares. The form is the same in YAML and in JSON lines. */
import { isUtf8 } from "node:buffer";
import { parseDuration } from "./duration.ts";
import {
  type Bytes,
  type Entry,
  type Group,
  misdeclared,
  type Place,
  POLICIES,
  type Policy,
  printable,
  type StreamEntry,
  TYPES,
  type Value,
} from "./entry.ts";
import { nameOfLedger } from "./internal-keys.ts";
import type { Pattern } from "./pattern.ts";
import { nameFrom, nameKey } from "./value.ts";

/** What holds for every key of a keyspace. */
export interface Rules {
  readonly keyspace: string;
  readonly prefix: string;
  readonly policy: Policy;
  readonly patterns: readonly Pattern[];
  /** Whose registry is slipway's to write. */
  readonly scripts?: { readonly registry: string } | undefined;
}

/** Redis takes no longer value (proto-max-bulk-len). */
export const LONGEST_VALUE = 512 * 1024 * 1024;

const FORMS = [...TYPES, "json"] as const;
const KNOWN: ReadonlySet<string> = new Set(["key", "ttl", "policy", ...FORMS]);

type Loose = Readonly<Record<string, unknown>>;

export function entryOf(given: unknown, rules: Rules, place: Place): Entry {
  if (!isRecord(given)) throw misdeclared(place, `is not a key. Write { key: …, string: … }.`);
  const { key: name } = given;
  if (typeof name !== "string" || name === "") throw misdeclared(place, `has no key. Write { key: "…", string: "…" }.`);
  const key = printable(name);
  for (const field in given)
    if (!KNOWN.has(field))
      throw misdeclared(place, `${key}: "${printable(field)}" is unknown. Allowed: key, ttl, policy, and one of ${FORMS.join(", ")}.`);
  const value = declaredValue(key, given, place);
  const policy = given.policy === undefined ? rules.policy : (given.policy as Policy);
  if (!POLICIES.includes(policy))
    throw misdeclared(place, `${key}: the policy ${shown(given.policy)} is unknown. Allowed: ${POLICIES.join(", ")}.`);
  const pattern = rules.patterns.find(({ matches }) => matches(name));
  if (!name.startsWith(rules.prefix))
    throw misdeclared(
      place,
      `${key} does not begin with "${rules.prefix}", the prefix of the keyspace ${rules.keyspace}. Rename the key, or move it.`,
    );
  if (name.startsWith(nameOfLedger))
    throw misdeclared(place, `${key}: names that begin with ${nameOfLedger} are the ledger's. Choose another.`);
  if (name === rules.scripts?.registry)
    throw misdeclared(place, `${key} is the registry of the scripts, which slipway writes itself. Take it out, or name another registry.`);
  if (pattern === undefined)
    throw misdeclared(
      place,
      `${key} fits no pattern of the keyspace ${rules.keyspace}: ${rules.patterns.map(({ text }) => text).join(", ") || "none is declared"}. Add one under keys, with its type, TTL and owner.`,
    );
  if (value.type !== pattern.type)
    throw misdeclared(
      place,
      `${key} is a ${value.type}, and what fits ${pattern.text} is a ${pattern.type}. Write ${pattern.type}: …, or mend the pattern.`,
    );
  return { key: name, value, policy, ttl: ttlOf(key, given.ttl, pattern, place) };
}

function ttlOf(key: string, given: unknown, pattern: Pattern, place: Place): number {
  if (given === undefined) {
    if (pattern.ttl > 0)
      throw misdeclared(place, `${key} has no ttl, and what fits ${pattern.text} expires. Write ttl: ${pattern.ttlText}, or less.`);
    return 0;
  }
  const ttl = parseDuration(given);
  if (ttl === undefined)
    throw misdeclared(
      place,
      `${key}: the ttl ${shown(given)} is none. Write a number with ms, s, m, h or d, such as 15m; ten years at most.`,
    );
  if (pattern.ttl === 0)
    throw misdeclared(place, `${key} has a ttl, and what fits ${pattern.text} lives for ever. Take the ttl out, or mend the pattern.`);
  if (ttl > pattern.ttl)
    throw misdeclared(place, `${key}: the ttl ${given} is longer than what fits ${pattern.text} may live (${pattern.ttlText}).`);
  return ttl;
}

function declaredValue(key: string, given: Loose, place: Place): Value {
  let form: (typeof FORMS)[number] | undefined;
  for (const one of FORMS) {
    if (given[one] === undefined) continue;
    if (form !== undefined) throw misdeclared(place, `${key} has two values, ${form} and ${one}. Keep one.`);
    form = one;
  }
  if (form === undefined) throw misdeclared(place, `${key} has no value. Write one of ${FORMS.join(", ")}.`);
  const content = given[form];
  const at = `${key}: ${form}`;
  switch (form) {
    case "string":
      return { type: "string", value: bytesOf(content, at, place) };
    case "json":
      return { type: "string", value: JSON.stringify(content) };
    case "hash":
      return { type: "hash", fields: different(fieldsOf(content, at, place), at, place) };
    case "list":
      return { type: "list", items: some(content, at, place).map((item) => bytesOf(item, at, place)) };
    case "set": {
      const members = some(content, at, place).map((member) => bytesOf(member, at, place));
      const seen = new Set<string>();
      for (const member of members) {
        const text = typeof member === "string" ? member : member.toString("latin1");
        if (seen.has(text)) throw misdeclared(place, `${at}: ${shown(text)} stands in it twice. A set holds a member once; take one out.`);
        seen.add(text);
      }
      return { type: "set", members };
    }
    case "zset":
      return {
        type: "zset",
        members: different(
          pairs(content, at, place).map(
            ([member, score]) => [member, scoreOf(score, `${at}: the score of ${shownName(member)}`, place)] as const,
          ),
          at,
          place,
        ),
      };
    case "stream":
      return streamOf(content, at, place);
  }
}

function scoreOf(score: unknown, at: string, place: Place): number {
  const number = score === "inf" || score === "+inf" ? Infinity : score === "-inf" ? -Infinity : score;
  if (typeof number !== "number" || Number.isNaN(number))
    throw misdeclared(place, `${at} is ${shown(score)}. Write a number, inf or -inf.`);
  return number === 0 ? 0 : number;
}

function streamOf(content: unknown, at: string, place: Place): Value {
  const { entries = [], groups = [], ...rest } = isRecord(content) ? content : { rest: content };
  if (Object.keys(rest).length > 0 || !Array.isArray(entries) || !Array.isArray(groups))
    throw misdeclared(place, `${at} is { entries: [{ id: 1-1, fields: {…} }], groups: [{ name: …, from: "0" }] }.`);
  let last: readonly [bigint, bigint] = [0n, 0n];
  const read = entries.map((entry: unknown): StreamEntry => {
    const { id, fields } = (isRecord(entry) ? entry : {}) as Loose;
    const now = idOf(id);
    if (now === undefined)
      throw misdeclared(place, `${at}: ${shown(id)} is no id of an entry. Write one such as 1-1, so that a second run finds the same.`);
    if (now[0] < last[0] || (now[0] === last[0] && now[1] <= last[1]))
      throw misdeclared(place, `${at}: ${id} does not come after ${last.join("-")}. A stream only grows; put the entries in order.`);
    last = now;
    const read = fieldsOf(fields, `${at} ${id}`, place);
    if (read.length > MOST_FIELDS)
      throw misdeclared(place, `${at} ${id} has ${read.length} fields, and one entry may have ${MOST_FIELDS}. Write several entries.`);
    return { id: now.join("-"), fields: read };
  });
  const named = groups.map((group: unknown): Group => {
    const { name, from = "0" } = (isRecord(group) ? group : {}) as Loose;
    const since = from === "$" ? last : (idOf(from) ?? (/^0(-0)?$/.test(String(from)) ? ([0n, 0n] as const) : undefined));
    if (typeof name !== "string" || name === "" || since === undefined)
      throw misdeclared(place, `${at}: a group is { name: …, from: "0" }, where from is the id of an entry, "0" or "$".`);
    return { name, from: since.join("-") };
  });
  if (new Set(named.map(({ name }) => name)).size < named.length) throw misdeclared(place, `${at}: a group stands in it twice.`);
  if (read.length + named.length === 0) throw empty(at, place);
  return { type: "stream", entries: read, groups: named };
}

/** 64 bits. */
const MOST_OF_AN_ID = 2n ** 64n - 1n;

function idOf(text: unknown): readonly [bigint, bigint] | undefined {
  const [, ms, sequence] = /^(\d{1,20})-(\d{1,20})$/.exec(String(text)) ?? [];
  if (ms === undefined || sequence === undefined) return undefined;
  const id = [BigInt(ms), BigInt(sequence)] as const;
  return (id[0] === 0n && id[1] === 0n) || id.some((part) => part > MOST_OF_AN_ID) ? undefined : id;
}

/** An entry is written by one command, and a script may give that no more arguments than a few thousand. */
const MOST_FIELDS = 3500;

function fieldsOf(content: unknown, at: string, place: Place): (readonly [Bytes, Bytes])[] {
  return pairs(content, at, place).map(([field, value]) => [field, bytesOf(value, `${at}.${shownName(field)}`, place)] as const);
}

/** { name: value }, or [[name, value]] where a name is no text, or their order counts. */
function pairs(content: unknown, at: string, place: Place): (readonly [Bytes, unknown])[] {
  if (Array.isArray(content) && content.length > 0 && content.every((one) => Array.isArray(one) && one.length === 2))
    return content.map(([name, value]: readonly unknown[]) => {
      const bytes = bytesOf(name, `${at}: a name`, place);
      return [typeof bytes === "string" || !isUtf8(bytes) ? bytes : nameFrom(bytes), value] as const;
    });
  if (!isRecord(content)) throw misdeclared(place, `${at} is ${shown(content)}. Write { name: value }, or [[name, value]].`);
  const all = Object.entries(content);
  if (all.length === 0) throw empty(at, place);
  for (const [name] of all) bytesOf(name, `${at}: a name`, place);
  return all;
}

function different<T>(all: readonly (readonly [Bytes, T])[], at: string, place: Place): readonly (readonly [Bytes, T])[] {
  const names = new Set<string>();
  for (const [name] of all) {
    if (names.size === names.add(nameKey(name)).size)
      throw misdeclared(place, `${at}: ${shownName(name)} stands in it twice, and can have one value. Take one out.`);
  }
  return all;
}

const shownName = (name: Bytes): string => (typeof name === "string" ? printable(name) : `{ base64: ${name.toString("base64")} }`);

function some(content: unknown, at: string, place: Place): readonly unknown[] {
  if (!Array.isArray(content)) throw misdeclared(place, `${at} is ${shown(content)}. Write a list.`);
  if (content.length === 0) throw empty(at, place);
  return content;
}

const empty = (at: string, place: Place) =>
  misdeclared(place, `${at} is empty, and Redis has no empty ones: such a key does not exist. Take it out.`);

function bytesOf(value: unknown, at: string, place: Place): Bytes {
  const bytes = written(value, at, place);
  // A UTF-16 unit is three bytes of UTF-8 at most, so nearly every text is seen to be short enough without counting.
  if (bytes.length * 3 > LONGEST_VALUE && (typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length) > LONGEST_VALUE)
    throw misdeclared(place, `${at} has more than 512 MiB, which is as long as a value may be. Split it over several keys.`);
  return bytes;
}

function written(value: unknown, at: string, place: Place): Bytes {
  if (typeof value === "string") {
    if (/\p{Surrogate}/u.test(value))
      throw misdeclared(place, `${at} has half a surrogate pair, which UTF-8 cannot write. Write the bytes: { base64: … }.`);
    return value;
  }
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  if (isRecord(value) && typeof value.base64 === "string" && Object.keys(value).length === 1) {
    const bytes = Buffer.from(value.base64, "base64");
    if (bytes.toString("base64").replace(/=+$/, "") !== value.base64.replace(/=+$/, ""))
      throw misdeclared(place, `${at} is no base64. Make it with: base64 -w0 FILE`);
    return bytes;
  }
  throw misdeclared(
    place,
    `${at} is ${shown(value)}, which can be written in more than one way. Put it in quotes; bytes that are no text: { base64: … }; a structure: json.`,
  );
}

const isRecord = (value: unknown): value is Loose => typeof value === "object" && value !== null && !Array.isArray(value);

/** Of a structure only what it is: nobody knows yet whether it is secret. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isRecord(value)) return "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
