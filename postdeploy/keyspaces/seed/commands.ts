/** Encodes an entry as plain commands that can be repeated safely. */
import type { Entry, Value } from "../read/entry.ts";
import { formatScore } from "../read/value.ts";
import type { Bytes, Commands } from "../wire/resp.ts";

/** Elements per command. A longer command would block the store for other clients. */
const MAX_ELEMENTS = 5000;

/**
 * @param isFresh the key is absent or holds a partial write of the same entry, so that hashes and sets need no removal first
 * @returns the number of replies
 */
export function addWriteCommands(commands: Commands, { key, value, ttl }: Entry, isFresh: boolean): number {
  const before = commands.count;
  if (value.type === "string") {
    if (ttl > 0) commands.add("SET", key, value.value, "PX", String(ttl));
    else commands.add("SET", key, value.value);
    return 1;
  }
  // Repeated writes would append to a list or a stream, so these are always replaced in a transaction.
  const isTransaction = !isFresh || value.type === "list" || value.type === "stream";
  if (isTransaction) commands.add("MULTI").add("UNLINK", key);
  addValueCommands(commands, key, value);
  if (ttl > 0) commands.add("PEXPIRE", key, String(ttl));
  if (isTransaction) commands.add("EXEC");
  return commands.count - before;
}

function addValueCommands(commands: Commands, key: string, value: Exclude<Value, { readonly type: "string" }>): void {
  switch (value.type) {
    case "hash":
      for (const slice of slices(value.fields))
        commands.addAll(appendAll(["HSET", key], slice, ([field, content], to) => to.push(field, content)));
      return;
    case "list":
      for (const slice of slices(value.items)) commands.addAll(["RPUSH", key, ...slice]);
      return;
    case "set":
      for (const slice of slices(value.members)) commands.addAll(["SADD", key, ...slice]);
      return;
    case "zset":
      for (const slice of slices(value.members))
        commands.addAll(appendAll(["ZADD", key], slice, ([member, score], to) => to.push(formatScore(score), member)));
      return;
    case "stream":
      for (const { id, fields } of value.entries) commands.addAll(["XADD", key, id, ...fields.flat()]);
      for (const { name, from } of value.groups) commands.add("XGROUP", "CREATE", key, name, from, "MKSTREAM");
  }
}

function appendAll<T>(start: Bytes[], items: readonly T[], push: (item: T, to: Bytes[]) => void): Bytes[] {
  for (const item of items) push(item, start);
  return start;
}

function slices<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length <= MAX_ELEMENTS) return [items];
  return Array.from({ length: Math.ceil(items.length / MAX_ELEMENTS) }, (_, nth) =>
    items.slice(nth * MAX_ELEMENTS, (nth + 1) * MAX_ELEMENTS),
  );
}
