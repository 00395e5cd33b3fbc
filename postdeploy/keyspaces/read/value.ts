/** Canonical forms and digests of values. */
import { isUtf8 } from "node:buffer";
import { hash } from "node:crypto";
import { type Bytes, Commands } from "../wire/resp.ts";
import { RespWriter } from "../wire/resp-writer.ts";
import type { Value } from "./entry.ts";

/** Decodes the name of a field or member: text if it is valid UTF-8, so that equal bytes have one form. */
export const decodeName = (bytes: Buffer): Bytes => (isUtf8(bytes) ? bytes.toString() : bytes);

/** A unique string for each name. Half a surrogate pair, which no text contains, marks binary names. */
export const nameIdentity = (name: Bytes): string => (typeof name === "string" ? name : `\ud800${name.toString("latin1")}`);

export const formatScore = (score: number): string => (score === Infinity ? "inf" : score === -Infinity ? "-inf" : String(score));

/**
 * Equal for equal values, in any order that the server returns. Excludes how far a consumer group has read, because readers advance it.
 * 132 bits of SHA-1, because the store keeps one digest per key.
 */
export function digestValue(value: Value): string {
  const parts = new Commands().addAll([value.type, ...canonicalParts(value)]);
  return hash("sha1", parts.take(), "base64").slice(0, 22);
}

const STRING = Buffer.from("string");
const scratch = new RespWriter(1024);

/** `digestValue` of a string value, from its bytes. */
export function digestString(bytes: Buffer, from: number, end: number): string {
  return hash("sha1", scratch.reset().beginCommand(2).writeArgument(STRING).writeArgument(bytes, from, end).bytes(), "base64").slice(0, 22);
}

function canonicalParts(value: Value): Bytes[] {
  switch (value.type) {
    case "string":
      return [value.value];
    case "hash":
      return sortByName(value.fields).flat();
    case "list":
      return [...value.items];
    case "set":
      return value.members.map((member) => (typeof member === "string" ? Buffer.from(member) : member)).sort(Buffer.compare);
    case "zset":
      return sortByName(value.members).flatMap(([member, score]) => [member, formatScore(score)]);
    case "stream":
      return [
        ...value.entries.flatMap(({ id, fields }) => [id, String(fields.length), ...fields.flat()]),
        ...value.groups.map(({ name }) => name).sort(),
      ];
  }
}

function sortByName<T>(pairs: readonly (readonly [Bytes, T])[]): (readonly [Bytes, T])[] {
  return [...pairs].sort(([a], [b]) => {
    const [one, other] = [nameIdentity(a), nameIdentity(b)];
    return one < other ? -1 : one > other ? 1 : 0;
  });
}
