/** From what a file says of a key to the entry it declares. The form is the same in YAML and in JSON lines. */
import { parseDuration } from "./duration.ts";
import {
  type Bytes,
  type Entry,
  type Group,
  misdeclared,
  type Place,
  POLICIES,
  type Policy,
  type StreamEntry,
  TYPES,
  type Value,
} from "./entry.ts";
import type { Pattern } from "./pattern.ts";

/** What holds for every key of a keyspace. */
export interface Rules {
  readonly keyspace: string;
  readonly prefix: string;
  readonly policy: Policy;
  readonly patterns: readonly Pattern[];
}

/** Redis takes no longer value (proto-max-bulk-len). */
export const LONGEST_VALUE = 512 * 1024 * 1024;

const FORMS = [...TYPES, "json"] as const;
const KNOWN: ReadonlySet<string> = new Set(["key", "ttl", "policy", ...FORMS]);

type Loose = Readonly<Record<string, unknown>>;

export function entryOf(given: unknown, rules: Rules, place: Place): Entry {
  if (!isRecord(given)) throw misdeclared(place, `is not a key. Write { key: …, string: … }.`);
  const { key } = given;
  if (typeof key !== "string" || key === "") throw misdeclared(place, `has no key. Write { key: "…", string: "…" }.`);
  for (const name in given)
    if (!KNOWN.has(name))
      throw misdeclared(place, `${key}: "${name}" is unknown. Allowed: key, ttl, policy, and one of ${FORMS.join(", ")}.`);
  const value = declaredValue(key, given, place);
  const policy = given.policy === undefined ? rules.policy : (given.policy as Policy);
  if (!POLICIES.includes(policy))
    throw misdeclared(place, `${key}: the policy ${shown(given.policy)} is unknown. Allowed: ${POLICIES.join(", ")}.`);
  const pattern = rules.patterns.find(({ matches }) => matches(key));
  if (!key.startsWith(rules.prefix))
    throw misdeclared(
      place,
      `${key} does not begin with "${rules.prefix}", the prefix of the keyspace ${rules.keyspace}. Rename the key, or move it.`,
    );
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
  return { key, value, policy, ttl: ttlOf(key, given.ttl, pattern, place) };
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
      return { type: "hash", fields: fieldsOf(content, at, place) };
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
        members: pairs(content, at, place).map(([member, score]) => {
          const number = score === "inf" || score === "+inf" ? Infinity : score === "-inf" ? -Infinity : score;
          if (typeof number !== "number" || Number.isNaN(number))
            throw misdeclared(place, `${at}: the score of ${member} is ${shown(score)}. Write a number, inf or -inf.`);
          return [member, number === 0 ? 0 : number] as const;
        }),
      };
    case "stream":
      return streamOf(content, at, place);
  }
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
    return { id: now.join("-"), fields: fieldsOf(fields, `${at} ${id}`, place) };
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

function idOf(text: unknown): readonly [bigint, bigint] | undefined {
  const [, ms, sequence] = /^(\d{1,19})-(\d{1,19})$/.exec(String(text)) ?? [];
  return ms === undefined || sequence === undefined || (BigInt(ms) === 0n && BigInt(sequence) === 0n)
    ? undefined
    : [BigInt(ms), BigInt(sequence)];
}

function fieldsOf(content: unknown, at: string, place: Place): (readonly [string, Bytes])[] {
  return pairs(content, at, place).map(([field, value]) => [field, bytesOf(value, `${at}.${field}`, place)] as const);
}

function pairs(content: unknown, at: string, place: Place): [string, unknown][] {
  if (!isRecord(content)) throw misdeclared(place, `${at} is ${shown(content)}. Write { name: value }.`);
  const all = Object.entries(content);
  if (all.length === 0) throw empty(at, place);
  return all;
}

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

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
