/** Values as a store gives them back, and a digest by which two of them are the same. */
import { isUtf8 } from "node:buffer";
import { hash } from "node:crypto";
import { Commands, ErrorReply, type Reply } from "../wire/resp.ts";
import { RespWriter } from "../wire/resp-writer.ts";
import type { Bytes, Type, Value } from "./entry.ts";

/** The commands that read a whole value. A string is not among them: many are read at once. */
export function addReadCommands(commands: Commands, type: Type, key: string): void {
  switch (type) {
    case "string":
      commands.add("GET", key);
      return;
    case "hash":
      commands.add("HGETALL", key);
      return;
    case "list":
      commands.add("LRANGE", key, "0", "-1");
      return;
    case "set":
      commands.add("SMEMBERS", key);
      return;
    case "zset":
      commands.add("ZRANGE", key, "0", "-1", "WITHSCORES");
      return;
    case "stream":
      commands.add("XRANGE", key, "-", "+").add("XINFO", "GROUPS", key);
  }
}

/** How many answers `addRead` brings. */
export const countReadReplies = (type: Type): number => (type === "stream" ? 2 : 1);

/** @returns undefined where the key is absent, or of another type. */
export function decodeValue(type: Type, replies: readonly Reply[]): Value | undefined {
  const [reply, groups] = replies;
  if (reply instanceof ErrorReply || reply === null || reply === undefined) return undefined;
  if (type === "string") return { type, value: reply as Buffer };
  const items = reply as readonly Reply[];
  if (type === "stream") {
    if (groups instanceof ErrorReply) return undefined;
    return {
      type,
      entries: items.map((entry) => {
        const [id, fields] = entry as readonly [Buffer, readonly Reply[]];
        return { id: id.toString(), fields: decodePairs(fields) };
      }),
      groups: (groups as readonly Reply[]).map((group) => {
        const about = new Map(decodePairs(group as readonly Reply[]).map(([name, content]) => [String(name), String(content)]));
        return { name: about.get("name") ?? "", from: about.get("last-delivered-id") ?? "0-0" };
      }),
    };
  }
  if (items.length === 0) return undefined;
  switch (type) {
    case "hash":
      return { type, fields: decodePairs(items) };
    case "list":
      return { type, items: items as readonly Buffer[] };
    case "set":
      return { type, members: items as readonly Buffer[] };
    case "zset":
      return { type, members: decodePairs(items).map(([member, score]) => [member, parseScore(String(score))] as const) };
  }
}

function decodePairs(items: readonly Reply[]): (readonly [Bytes, Bytes])[] {
  const pairs: (readonly [Bytes, Bytes])[] = [];
  for (let at = 0; at < items.length; at += 2) {
    const content = items[at + 1];
    pairs.push([decodeName(items[at] as Buffer), Buffer.isBuffer(content) ? content : String(content)]);
  }
  return pairs;
}

/** Of a field or a member: text where it is some, so that two of the same bytes are written in one way. */
export const decodeName = (bytes: Buffer): Bytes => (isUtf8(bytes) ? bytes.toString() : bytes);

/** The same for the same name, and for no other: no text that is a name begins with half a surrogate pair. */
export const nameIdentity = (name: Bytes): string => (typeof name === "string" ? name : `\ud800${name.toString("latin1")}`);

const parseScore = (text: string): number => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text));

export const formatScore = (score: number): string => (score === Infinity ? "inf" : score === -Infinity ? "-inf" : String(score));

/**
 * The same for equal values, however the server orders them. Where a group of a stream has come to is not part of it: that is its readers'.
 * 132 bits of SHA-1, because a million of them lie in the store.
 */
export function digestValue(value: Value): string {
  const parts = new Commands().addAll([value.type, ...canonicalParts(value)]);
  return hash("sha1", parts.take(), "base64").slice(0, 22);
}

const STRING = Buffer.from("string");
const scratch = new RespWriter(1024);

/** The digest of a string whose text is these bytes. */
export function digestString(bytes: Buffer, from: number, end: number): string {
  return hash("sha1", scratch.reset().beginCommand(2).part(STRING).part(bytes, from, end).bytes(), "base64").slice(0, 22);
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
