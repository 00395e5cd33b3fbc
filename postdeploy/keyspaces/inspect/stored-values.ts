/** Reads values from a store. */
import type { Type, Value } from "../read/entry.ts";
import { decodeName } from "../read/value.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { type Bytes, Commands, ErrorReply, type Reply } from "../wire/resp.ts";

/** Adds the commands that read a whole value. */
export function addReadCommands(commands: Commands, type: Type, key: Bytes): void {
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

/** Number of replies to the commands of `addReadCommands`. */
export const countReadReplies = (type: Type): number => (type === "stream" ? 2 : 1);

/** @returns undefined if the key is absent or has another type. */
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

const parseScore = (text: string): number => (text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text));

/** @returns the type of each key; undefined if it is absent. */
export async function readTypes(connection: StoreConnection, keys: readonly string[]): Promise<(Type | undefined)[]> {
  // Fast path: before the first seed no key exists.
  if (keys.length === 0 || (await connection.call("EXISTS", ...keys)) === 0) return keys.map(() => undefined);
  const commands = new Commands();
  for (const key of keys) commands.add("TYPE", key);
  return (await connection.send(commands)).map((type) => (type === "none" ? undefined : (type as Type)));
}
