/** The three-way rule: what is declared, what the ledger says we wrote, and what is there now. */

import type { Mismatch } from "../inspect/mismatch.ts";
import type { Entry, Policy } from "../read/entry.ts";
import type { StoreConnection } from "../wire/connection.ts";
import { Commands, type Reply } from "../wire/resp.ts";
import { READ_KEY_STATES } from "./lua.ts";

/** What is to be done with a key that is not as declared. */
export type Decision =
  | { readonly kind: "write"; readonly entry: Entry }
  /** @property seen the digest of the dump that may be overwritten */
  | { readonly kind: "update" | "restore"; readonly entry: Entry; readonly seen: string }
  | { readonly kind: "ttl"; readonly entry: Entry }
  /** Somebody has changed it, and it is theirs. */
  | { readonly kind: "keep"; readonly entry: Entry; readonly why: string }
  | { readonly kind: "type"; readonly entry: Entry; readonly actual: string };

/** A row of the ledger: the policy's first letters and the digest of what was written. */
export const formatLedgerRow = (policy: Policy, digest: string): string => `${policy} ${digest}`;

export function parseLedgerRow(row: string): { readonly policy: Policy; readonly digest: string } | undefined {
  const [policy, digest] = row.split(" ");
  return digest === undefined ? undefined : { policy: policy as Policy, digest };
}

export async function decide(connection: StoreConnection, ledger: string, seen: readonly Mismatch[]): Promise<Decision[]> {
  // What is absent is written, whatever the ledger says; only what is written one time has to be asked for there.
  const free = seen.filter(({ entry, difference }) => difference.kind === "absent" && entry.policy !== "once");
  const others = seen.filter(({ entry, difference }) => difference.kind !== "absent" || entry.policy === "once");
  const inspected = await readKeyStates(
    connection,
    ledger,
    others.map(({ entry }) => entry.key),
  );
  return [
    ...free.map(({ entry }) => ({ kind: "write" as const, entry })),
    ...others.flatMap((one, index) => decideOne(one, inspected[index] as KeyState)),
  ];
}

function decideOne({ entry, difference }: Mismatch, { row, dump }: KeyState): Decision[] {
  const written = parseLedgerRow(row);
  // Written one time, or found there: either way it is not ours any more.
  if (entry.policy === "once" && (written !== undefined || difference.kind !== "absent")) return [];
  switch (difference.kind) {
    case "absent":
      return [{ kind: "write", entry }];
    case "type":
      return [{ kind: "type", entry, actual: difference.actual }];
    case "ttl":
      return entry.policy === "own"
        ? [{ kind: "ttl", entry }]
        : [{ kind: "keep", entry, why: `lives ${difference.lives}, which is left as others set it` }];
    case "value":
      if (entry.policy === "own") return [{ kind: written?.digest === difference.digest ? "update" : "restore", entry, seen: dump }];
      if (written?.digest === difference.digest) return [{ kind: "update", entry, seen: dump }];
      return [{ kind: "keep", entry, why: written === undefined ? "was there before us" : "was changed since we wrote it" }];
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
    const found: KeyState[] = [];
    for (let at = 0; at < items.length; at += 2) found.push({ row: String(items[at]), dump: String(items[at + 1]) });
    return found;
  });
}
