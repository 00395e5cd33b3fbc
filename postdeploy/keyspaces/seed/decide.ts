/** The three-way comparison of a key: declared value, last written value (ledger), current value. */

import type { Mismatch } from "../inspect/mismatch.ts";
import type { Entry, Policy } from "../read/entry.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { Commands, type Reply } from "../wire/resp.ts";
import { READ_KEY_STATES } from "./lua.ts";

export type Decision =
  | { readonly kind: "write"; readonly entry: Entry }
  /** @property dumpDigest digest of the DUMP that may be overwritten */
  | { readonly kind: "update" | "restore"; readonly entry: Entry; readonly dumpDigest: string }
  | { readonly kind: "ttl"; readonly entry: Entry }
  /** Another client changed the key, so it stays as it is. */
  | { readonly kind: "keep"; readonly entry: Entry; readonly why: string }
  | { readonly kind: "type"; readonly entry: Entry; readonly actual: string };

/** A ledger row: policy and digest of the written value. */
export const formatLedgerRow = (policy: Policy, digest: string): string => `${policy} ${digest}`;

export function parseLedgerRow(row: string): { readonly policy: Policy; readonly digest: string } | undefined {
  const [policy, digest] = row.split(" ");
  return digest === undefined ? undefined : { policy: policy as Policy, digest };
}

export async function decide(connection: StoreConnection, ledger: string, mismatches: readonly Mismatch[]): Promise<Decision[]> {
  // An absent key is written, whatever the ledger says. Only policy once needs the ledger row.
  const absent = mismatches.filter(({ entry, difference }) => difference.kind === "absent" && entry.policy !== "once");
  const others = mismatches.filter(({ entry, difference }) => difference.kind !== "absent" || entry.policy === "once");
  const states = await readKeyStates(
    connection,
    ledger,
    others.map(({ entry }) => entry.key),
  );
  return [
    ...absent.map(({ entry }) => ({ kind: "write" as const, entry })),
    ...others.flatMap((mismatch, index) => decideOne(mismatch, states[index] as KeyState)),
  ];
}

function decideOne({ entry, difference }: Mismatch, { row, dump }: KeyState): Decision[] {
  const written = parseLedgerRow(row);
  // Policy once: the key was written before, or existed before the first run.
  if (entry.policy === "once" && (written !== undefined || difference.kind !== "absent")) return [];
  switch (difference.kind) {
    case "absent":
      return [{ kind: "write", entry }];
    case "type":
      return [{ kind: "type", entry, actual: difference.actual }];
    case "ttl":
      return entry.policy === "own"
        ? [{ kind: "ttl", entry }]
        : [{ kind: "keep", entry, why: `has ${difference.actual}, set by another client` }];
    case "value":
      if (entry.policy === "own") return [{ kind: written?.digest === difference.digest ? "update" : "restore", entry, dumpDigest: dump }];
      if (written?.digest === difference.digest) return [{ kind: "update", entry, dumpDigest: dump }];
      return [{ kind: "keep", entry, why: written === undefined ? "existed before the first run" : "was changed by another client" }];
  }
}

export interface KeyState {
  readonly row: string;
  readonly dump: string;
}

export async function readKeyStates(connection: StoreConnection, ledger: string, keys: readonly string[]): Promise<KeyState[]> {
  const commands = new Commands();
  for (let at = 0; at < keys.length; at += 100) {
    const some = keys.slice(at, at + 100);
    commands.add("EVAL", READ_KEY_STATES, String(some.length + 1), ledger, ...some);
  }
  const replies = await connection.send(commands);
  return replies.flatMap((reply) => {
    const items = connection.unwrap(reply) as readonly Reply[];
    const states: KeyState[] = [];
    for (let at = 0; at < items.length; at += 2) states.push({ row: String(items[at]), dump: String(items[at + 1]) });
    return states;
  });
}
