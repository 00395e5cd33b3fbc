/** Guarded writing: about a hundred keys a call, each only if it is still as it was seen. */

import type { Bytes, Entry, Value } from "../read/entry.ts";
import { sizeOf } from "../read/entry.ts";
import { digestOf, scoreText } from "../read/value.ts";
import type { Wire } from "../wire/connection.ts";
import { Commands, type Reply } from "../wire/resp.ts";
import { type Decision, rowOf } from "./decide.ts";
import { REMOVE, WRITE } from "./lua.ts";

export type Writing = Extract<Decision, { readonly kind: "write" | "update" | "restore" }>;

/** A call blocks the store for everybody else, so it is kept short. */
const KEYS = 100;
const ELEMENTS = 5000;
const BYTES = 1024 * 1024;

/** @returns how many were written, and the entries that changed under our hands: they are to be looked at again. */
export async function write(
  wire: Wire,
  ledger: string,
  writings: readonly Writing[],
): Promise<{ readonly written: number; readonly changed: readonly Entry[] }> {
  const calls = callsOf(writings);
  const commands = new Commands();
  for (const call of calls) {
    const args = call.flatMap(argumentsOf);
    commands.addAll(["EVAL", WRITE, String(call.length + 1), ledger, ...call.map(({ entry }) => entry.key), ...args]);
  }
  await wire.drained;
  const replies = await wire.send(commands);
  const changed = replies.flatMap((reply, index) =>
    (wire.accepted(reply) as readonly number[]).map((number) => (calls[index] as Writing[])[number] as Writing),
  );
  return { written: writings.length - changed.length, changed: changed.map(({ entry }) => entry) };
}

/** TTLs alone: the value is right. */
export async function writeTtls(wire: Wire, entries: readonly Entry[]): Promise<number> {
  const commands = new Commands();
  for (const { key, ttl } of entries) {
    if (ttl > 0) commands.add("PEXPIRE", key, String(ttl));
    else commands.add("PERSIST", key);
  }
  const replies = await wire.send(commands);
  for (const reply of replies) wire.accepted(reply);
  return entries.length;
}

/** @param doomed with the digest of the dump that may be removed; "" forgets the row and leaves the key. */
export async function remove(
  wire: Wire,
  ledger: string,
  doomed: readonly { readonly key: string; readonly seen: string }[],
): Promise<number> {
  const commands = new Commands();
  for (let at = 0; at < doomed.length; at += KEYS) {
    const some = doomed.slice(at, at + KEYS);
    commands.addAll(["EVAL", REMOVE, String(some.length + 1), ledger, ...some.map(({ key }) => key), ...some.map(({ seen }) => seen)]);
  }
  const replies = await wire.send(commands);
  return replies.reduce((sum: number, reply: Reply) => sum + (wire.accepted(reply) as number), 0);
}

function callsOf(writings: readonly Writing[]): Writing[][] {
  const calls: Writing[][] = [];
  let room = { keys: 0, elements: 0, bytes: 0 };
  for (const writing of writings) {
    const { bytes, elements } = sizeOf(writing.entry.value);
    if (room.keys < 1 || room.elements < elements || room.bytes < bytes) {
      calls.push([]);
      room = { keys: KEYS, elements: ELEMENTS, bytes: BYTES };
    }
    calls.at(-1)?.push(writing);
    room = { keys: room.keys - 1, elements: room.elements - elements, bytes: room.bytes - bytes };
  }
  return calls;
}

function argumentsOf(writing: Writing): Bytes[] {
  const { key: _, value, ttl, policy } = writing.entry;
  const parts = partsOf(value);
  // What lives for ever by declaration may have been given an end by its user; only an owner takes that away.
  const lives = ttl === 0 && policy !== "own" ? -1 : ttl;
  return [
    writing.kind === "write" ? "" : writing.seen,
    rowOf(policy, digestOf(value)),
    String(lives),
    value.type,
    String(parts.length),
    ...parts,
  ];
}

function partsOf(value: Value): readonly Bytes[] {
  switch (value.type) {
    case "string":
      return [value.value];
    case "hash":
      return value.fields.flat();
    case "list":
      return value.items;
    case "set":
      return value.members;
    case "zset":
      return value.members.flatMap(([member, score]) => [scoreText(score), member]);
    case "stream":
      return [
        String(value.entries.length),
        ...value.entries.flatMap(({ id, fields }) => [id, String(fields.length * 2), ...fields.flat()]),
        ...value.groups.flatMap(({ name, from }) => [name, from]),
      ];
  }
}
