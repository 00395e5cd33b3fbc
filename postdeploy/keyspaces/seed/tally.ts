/** What a plan found, or a run did: counts of everything, names of the first few. */

import { measureValue } from "../read/entry.ts";
import { readRunKey, type StringRun } from "../read/string-runs.ts";
import type { Decision } from "./decide.ts";

/** What happens to a key, and how it is called in counts. */
export type Change = "write" | "update" | "restore" | "ttl" | "remove";

export interface Tally {
  /** Keys that are declared. */
  keys: number;
  readonly changes: Record<Change, number>;
  /** Of the first changes, so that a reader sees what kind of thing it is. */
  readonly examples: { readonly key: string; readonly change: Change }[];
  /** Keys that others have changed and that stay as they are. */
  kept: number;
  readonly keptKeys: { readonly key: string; readonly why: string }[];
  /** Keys that have another type than is declared. */
  conflicting: number;
  readonly conflicts: { readonly key: string; readonly declared: string; readonly actual: string }[];
  /** About how much memory the changes take. */
  bytes: number;
}

/** Enough to see what it is about; a million would be a file. */
const MAX_EXAMPLES = 100;

export const createTally = (): Tally => ({
  keys: 0,
  changes: { write: 0, update: 0, restore: 0, ttl: 0, remove: 0 },
  examples: [],
  kept: 0,
  keptKeys: [],
  conflicting: 0,
  conflicts: [],
  bytes: 0,
});

export const countChanges = ({ changes }: Tally): number => Object.values(changes).reduce((sum, addDecisions) => sum + addDecisions, 0);

/** What Redis needs beside the bytes themselves: an entry of the table, headers, and the ledger's row. */
const PER_KEY = 190;
const PER_ELEMENT = 24;

export function count(tally: Tally, decisions: readonly Decision[]): void {
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

/** A whole run of strings that are absent. */
export function addStringRun(tally: Tally, run: StringRun): void {
  tally.changes.write += run.keys;
  for (let nth = 0; tally.examples.length < MAX_EXAMPLES && nth < run.keys; nth++)
    tally.examples.push({ key: readRunKey(run, nth), change: "write" });
  // What of a line is not the value is about its key.
  tally.bytes += run.size + PER_KEY * run.keys;
}

export function addChange(tally: Tally, key: string, change: Change): void {
  tally.changes[change]++;
  if (tally.examples.length < MAX_EXAMPLES) tally.examples.push({ key, change });
}
