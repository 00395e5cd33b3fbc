/** A key as it is declared: its name, its value, how long it lives, and whose it is once it is there. */
import { Failure } from "../../connect/failure.ts";

/** Text, or bytes that are no text. */
export type Bytes = string | Buffer;

/**
 * ensure  written where it is absent, and again while nobody but us has changed it
 * own     ours: put back whenever it differs
 * once    written one time; what becomes of it is nobody's business here
 */
export type Policy = "ensure" | "own" | "once";

export const POLICIES = ["ensure", "own", "once"] as const satisfies readonly Policy[];

export const TYPES = ["string", "hash", "list", "set", "zset", "stream"] as const;

export type Type = (typeof TYPES)[number];

export type Value =
  | { readonly type: "string"; readonly value: Bytes }
  | { readonly type: "hash"; readonly fields: readonly (readonly [Bytes, Bytes])[] }
  | { readonly type: "list"; readonly items: readonly Bytes[] }
  | { readonly type: "set"; readonly members: readonly Bytes[] }
  | { readonly type: "zset"; readonly members: readonly (readonly [Bytes, number])[] }
  | { readonly type: "stream"; readonly entries: readonly StreamEntry[]; readonly groups: readonly ConsumerGroup[] };

export interface StreamEntry {
  readonly id: string;
  /** In their order, in which a name may come again. */
  readonly fields: readonly (readonly [Bytes, Bytes])[];
}

export interface ConsumerGroup {
  readonly name: string;
  /** The last entry that counts as delivered when the group is made. */
  readonly from: string;
}

export interface Entry {
  readonly key: string;
  readonly value: Value;
  /** Milliseconds to live; 0 for ever. */
  readonly ttl: number;
  readonly policy: Policy;
}

/** Where something was written: "keyspaces/candlefish/sessions.yaml:12". */
export interface FileLocation {
  readonly file: string;
  readonly line?: number | undefined;
}

export const formatLocation = ({ file, line }: FileLocation): string => (line === undefined ? file : `${file}:${line}`);

export function declarationError(place: FileLocation, what: string): Failure {
  return new Failure("bad-seed", 2, `${formatLocation(place)}: ${what}`);
}

/** A key, or any text that others chose, on a line of its own: what would move the cursor, end the line or turn it round is written out. */
export const escapeControlCharacters = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const byteLength = (bytes: Bytes): number => (typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length);

/** How many bytes and elements a value has: what decides how much is sent at once, and about how much room it needs. */
export function measureValue(value: Value): { readonly bytes: number; readonly elements: number } {
  let bytes = 0;
  const add = (part: Bytes) => (bytes += byteLength(part));
  switch (value.type) {
    case "string":
      return { bytes: byteLength(value.value), elements: 1 };
    case "hash":
      for (const [field, content] of value.fields) add(field) + add(content);
      return { bytes, elements: value.fields.length };
    case "list":
      value.items.forEach(add);
      return { bytes, elements: value.items.length };
    case "set":
      value.members.forEach(add);
      return { bytes, elements: value.members.length };
    case "zset":
      for (const [member] of value.members) add(member);
      return { bytes: bytes + 8 * value.members.length, elements: value.members.length };
    case "stream":
      for (const { fields } of value.entries) for (const [field, content] of fields) add(field) + add(content);
      return { bytes: bytes + 16 * value.entries.length, elements: value.entries.length + value.groups.length };
  }
}
