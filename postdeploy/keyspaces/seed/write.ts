/** Conditional writes: a script writes about a hundred keys per call, each only if it has not changed since it was compared. */

import type { Entry, Value } from "../read/entry.ts";
import { measureValue } from "../read/entry.ts";
import { digestValue, formatScore } from "../read/value.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { type Bytes, Commands, type Reply } from "../wire/resp.ts";
import { type Decision, formatLedgerRow } from "./decide.ts";
import { REMOVE_KEYS, WRITE_KEYS } from "./lua.ts";

export type PendingWrite = Extract<Decision, { readonly kind: "write" | "update" | "restore" }>;

/** A script call blocks the store for other clients, so it is kept short. */
const MAX_CALL_KEYS = 100;
const MAX_CALL_ELEMENTS = 5000;
const MAX_CALL_BYTES = 1024 * 1024;

/** @returns the number of written keys, and the entries that changed since they were compared. */
export async function writeKeys(
  connection: StoreConnection,
  ledger: string,
  writes: readonly PendingWrite[],
): Promise<{ readonly written: number; readonly changed: readonly Entry[] }> {
  const calls = groupIntoCalls(writes);
  const commands = new Commands();
  for (const call of calls) {
    const args = call.flatMap(scriptArguments);
    commands.addAll(["EVAL", WRITE_KEYS, String(call.length + 1), ledger, ...call.map(({ entry }) => entry.key), ...args]);
  }
  await connection.drained;
  const replies = await connection.send(commands);
  const changed = replies.flatMap((reply, index) =>
    (connection.unwrap(reply) as readonly number[]).map((position) => (calls[index] as PendingWrite[])[position] as PendingWrite),
  );
  return { written: writes.length - changed.length, changed: changed.map(({ entry }) => entry) };
}

/** Sets only the TTL. */
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

/** @param removals an empty dumpDigest removes the ledger row and keeps the key */
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

function groupIntoCalls(writes: readonly PendingWrite[]): PendingWrite[][] {
  const calls: PendingWrite[][] = [];
  let room = { keys: 0, elements: 0, bytes: 0 };
  for (const write of writes) {
    const { bytes, elements } = measureValue(write.entry.value);
    if (room.keys < 1 || room.elements < elements || room.bytes < bytes) {
      calls.push([]);
      room = { keys: MAX_CALL_KEYS, elements: MAX_CALL_ELEMENTS, bytes: MAX_CALL_BYTES };
    }
    calls.at(-1)?.push(write);
    room = { keys: room.keys - 1, elements: room.elements - elements, bytes: room.bytes - bytes };
  }
  return calls;
}

function scriptArguments(write: PendingWrite): Bytes[] {
  const { key: _, value, ttl, policy } = write.entry;
  const parts = valueArguments(value);
  // Another client may have set a TTL on a key that is declared without one. Only policy own removes it.
  const effectiveTtl = ttl === 0 && policy !== "own" ? -1 : ttl;
  return [
    write.kind === "write" ? "" : write.dumpDigest,
    formatLedgerRow(policy, digestValue(value)),
    String(effectiveTtl),
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
