/** A declared key: name, value, TTL and policy. */
import { Failure } from "../../connect/failure.ts";
import type { Bytes } from "../wire/resp.ts";

/**
 * ensure  written if absent; updated unless another client changed it
 * own     always restored to the declared value
 * once    written one time, then never compared again
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
  /** In order; a name may occur more than once. */
  readonly fields: readonly (readonly [Bytes, Bytes])[];
}

export interface ConsumerGroup {
  readonly name: string;
  /** The last-delivered id of the new group. */
  readonly from: string;
}

export interface Entry {
  readonly key: string;
  readonly value: Value;
  /** In milliseconds; 0 if the key does not expire. */
  readonly ttl: number;
  readonly policy: Policy;
}

/** "keyspaces/shop/sessions.yaml:12" */
export interface FileLocation {
  readonly file: string;
  readonly line?: number | undefined;
}

/** An entry that is not parsed yet. */
export interface Declaration {
  readonly raw: unknown;
  readonly location: FileLocation;
}

export const formatLocation = ({ file, line }: FileLocation): string => (line === undefined ? file : `${file}:${line}`);

export function declarationError(place: FileLocation, what: string): Failure {
  return new Failure("bad-seed", 2, `${formatLocation(place)}: ${what}`);
}

/** For untrusted text in messages: escapes characters that would move the cursor, break the line or change the text direction. */
export const escapeControlCharacters = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const byteLength = (bytes: Bytes): number => (typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length);

/** Size of a value: limits how much is sent at once, and estimates its memory. */
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
