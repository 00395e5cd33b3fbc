/** An entry as plain commands, each of which may be sent again without harm. */
import type { Bytes, Entry, Value } from "../read/entry.ts";
import { formatScore } from "../read/value.ts";
import type { Commands } from "../wire/resp.ts";

/** Elements in one command: longer ones keep the store from answering others. */
const MAX_ELEMENTS = 5000;

/**
 * @param clean Nothing but our own writing of the same entry can be there: what only grows towards the declared value needs no removal first.
 * @returns how many answers it brings
 */
export function addWriteCommands(commands: Commands, { key, value, ttl }: Entry, clean: boolean): number {
  const before = commands.count;
  if (value.type === "string") {
    if (ttl > 0) commands.add("SET", key, value.value, "PX", String(ttl));
    else commands.add("SET", key, value.value);
    return 1;
  }
  // A list or a stream that is written twice is twice as long.
  const inOneStep = !clean || value.type === "list" || value.type === "stream";
  if (inOneStep) commands.add("MULTI").add("UNLINK", key);
  addValueCommands(commands, key, value);
  if (ttl > 0) commands.add("PEXPIRE", key, String(ttl));
  if (inOneStep) commands.add("EXEC");
  return commands.count - before;
}

function addValueCommands(commands: Commands, key: string, value: Exclude<Value, { readonly type: "string" }>): void {
  switch (value.type) {
    case "hash":
      for (const some of slices(value.fields))
        commands.addAll(appendAll(["HSET", key], some, ([field, content], to) => to.push(field, content)));
      return;
    case "list":
      for (const some of slices(value.items)) commands.addAll(["RPUSH", key, ...some]);
      return;
    case "set":
      for (const some of slices(value.members)) commands.addAll(["SADD", key, ...some]);
      return;
    case "zset":
      for (const some of slices(value.members))
        commands.addAll(appendAll(["ZADD", key], some, ([member, score], to) => to.push(formatScore(score), member)));
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
