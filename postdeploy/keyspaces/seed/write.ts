/** Guarded writing: about a hundred keys a call, each only if it is still as it was seen. */

import type { Bytes, Entry, Value } from "../read/entry.ts";
import { measureValue } from "../read/entry.ts";
import { digestValue, formatScore } from "../read/value.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { Commands, type Reply } from "../wire/resp.ts";
import { type Decision, formatLedgerRow } from "./decide.ts";
import { REMOVE_KEYS, WRITE_KEYS } from "./lua.ts";

export type PendingWrite = Extract<Decision, { readonly kind: "write" | "update" | "restore" }>;

/** A call blocks the store for everybody else, so it is kept short. */
const MAX_CALL_KEYS = 100;
const MAX_CALL_ELEMENTS = 5000;
const MAX_CALL_BYTES = 1024 * 1024;

/** @returns how many were written, and the entries that changed under our hands: they are to be looked at again. */
export async function writeKeys(
  connection: StoreConnection,
  ledger: string,
  writings: readonly PendingWrite[],
): Promise<{ readonly written: number; readonly changed: readonly Entry[] }> {
  const calls = groupIntoCalls(writings);
  const commands = new Commands();
  for (const call of calls) {
    const args = call.flatMap(scriptArguments);
    commands.addAll(["EVAL", WRITE_KEYS, String(call.length + 1), ledger, ...call.map(({ entry }) => entry.key), ...args]);
  }
  await connection.drained;
  const replies = await connection.send(commands);
  const changed = replies.flatMap((reply, index) =>
    (connection.unwrap(reply) as readonly number[]).map((number) => (calls[index] as PendingWrite[])[number] as PendingWrite),
  );
  return { written: writings.length - changed.length, changed: changed.map(({ entry }) => entry) };
}

/** TTLs alone: the value is right. */
export async function writeTtls(connection: StoreConnection, entries: readonly Entry[]): Promise<number> {
  const commands = new Commands();
  for (const { key, ttl } of entries) {
    if (ttl > 0) commands.add("PEXPIRE", key, String(ttl));
    else commands.add("PERSIST", key);
  }
  const replies = await connection.send(commands);
  for (const reply of replies) connection.unwrap(reply);
  return entries.length;
}

/** @param doomed with the digest of the dump that may be removed; "" forgets the row and leaves the key. */
export async function removeKeys(
  connection: StoreConnection,
  ledger: string,
  removals: readonly { readonly key: string; readonly dumpDigest: string }[],
): Promise<number> {
  const commands = new Commands();
  for (let at = 0; at < removals.length; at += MAX_CALL_KEYS) {
    const some = removals.slice(at, at + MAX_CALL_KEYS);
    commands.addAll([
      "EVAL",
      REMOVE_KEYS,
      String(some.length + 1),
      ledger,
      ...some.map(({ key }) => key),
      ...some.map(({ dumpDigest }) => dumpDigest),
    ]);
  }
  const replies = await connection.send(commands);
  return replies.reduce((sum: number, reply: Reply) => sum + (connection.unwrap(reply) as number), 0);
}

function groupIntoCalls(writings: readonly PendingWrite[]): PendingWrite[][] {
  const calls: PendingWrite[][] = [];
  let room = { keys: 0, elements: 0, bytes: 0 };
  for (const writing of writings) {
    const { bytes, elements } = measureValue(writing.entry.value);
    if (room.keys < 1 || room.elements < elements || room.bytes < bytes) {
      calls.push([]);
      room = { keys: MAX_CALL_KEYS, elements: MAX_CALL_ELEMENTS, bytes: MAX_CALL_BYTES };
    }
    calls.at(-1)?.push(writing);
    room = { keys: room.keys - 1, elements: room.elements - elements, bytes: room.bytes - bytes };
  }
  return calls;
}

function scriptArguments(writing: PendingWrite): Bytes[] {
  const { key: _, value, ttl, policy } = writing.entry;
  const parts = valueArguments(value);
  // What lives for ever by declaration may have been given an end by its user; only an owner takes that away.
  const lives = ttl === 0 && policy !== "own" ? -1 : ttl;
  return [
    writing.kind === "write" ? "" : writing.seen,
    formatLedgerRow(policy, digestValue(value)),
    String(lives),
    value.type,
    String(parts.length),
    ...parts,
  ];
}

function valueArguments(value: Value): readonly Bytes[] {
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
      return value.members.flatMap(([member, score]) => [formatScore(score), member]);
    case "stream":
      return [
        String(value.entries.length),
        ...value.entries.flatMap(({ id, fields }) => [id, String(fields.length * 2), ...fields.flat()]),
        ...value.groups.flatMap(({ name, from }) => [name, from]),
      ];
  }
}
