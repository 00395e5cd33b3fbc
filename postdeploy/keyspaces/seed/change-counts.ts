/** Counts what a plan would change or a run has changed, and names the first keys. */

import { measureValue } from "../read/entry.ts";
import { readRunKey, type StringRun } from "../read/string-runs.ts";
import type { Decision } from "./decide.ts";

type ChangeKind = "write" | "update" | "restore" | "ttl" | "remove";

export interface ChangeCounts {
  /** Declared keys. */
  keys: number;
  readonly changes: Record<ChangeKind, number>;
  readonly examples: { readonly key: string; readonly change: ChangeKind }[];
  /** Keys that another client changed and that slipway keeps. */
  kept: number;
  readonly keptKeys: { readonly key: string; readonly why: string }[];
  /** Keys of a different type than declared. */
  conflicting: number;
  readonly conflicts: { readonly key: string; readonly declared: string; readonly actual: string }[];
  /** Estimated memory of the changes. */
  bytes: number;
}

const MAX_EXAMPLES = 100;

export const createCounts = (): ChangeCounts => ({
  keys: 0,
  changes: { write: 0, update: 0, restore: 0, ttl: 0, remove: 0 },
  examples: [],
  kept: 0,
  keptKeys: [],
  conflicting: 0,
  conflicts: [],
  bytes: 0,
});

export const countChanges = ({ changes }: ChangeCounts): number => Object.values(changes).reduce((sum, count) => sum + count, 0);

/** Memory overhead per key: hash table entry, headers and ledger row. */
const PER_KEY = 190;
const PER_ELEMENT = 24;

export function addDecisions(tally: ChangeCounts, decisions: readonly Decision[]): void {
  for (const decision of decisions) {
    const { key, value } = decision.entry;
    switch (decision.kind) {
      case "keep":
        tally.kept++;
        if (tally.keptKeys.length < MAX_EXAMPLES) tally.keptKeys.push({ key, why: decision.why });
        break;
      case "type":
        tally.conflicting++;
        if (tally.conflicts.length < MAX_EXAMPLES) tally.conflicts.push({ key, declared: value.type, actual: decision.actual });
        break;
      default:
        addChange(tally, key, decision.kind);
        if (decision.kind === "write") {
          const { bytes, elements } = measureValue(value);
          tally.bytes += bytes + 2 * key.length + PER_KEY + (elements > 1 ? PER_ELEMENT * elements : 0);
        }
    }
  }
}

/** Adds a run of absent strings. */
export function addStringRun(tally: ChangeCounts, run: StringRun): void {
  tally.changes.write += run.keys;
  for (let nth = 0; tally.examples.length < MAX_EXAMPLES && nth < run.keys; nth++)
    tally.examples.push({ key: readRunKey(run, nth), change: "write" });
  // The rest of a line is about as long as a second copy of the key, in the ledger.
  tally.bytes += run.size + PER_KEY * run.keys;
}

export function addChange(tally: ChangeCounts, key: string, change: ChangeKind): void {
  tally.changes[change]++;
  if (tally.examples.length < MAX_EXAMPLES) tally.examples.push({ key, change });
}
