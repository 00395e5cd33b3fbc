/** Folds the events of a ledger into the current state of each file. */
import { downName } from "../read/files.ts";
import type { Event, Ledger } from "./ledger.ts";

/** Whether the schema changed after it was last written down: a run that died could not do it. */
export function needsFingerprint({ events }: Ledger): boolean {
  const changed = events.findLast(({ kind }) => kind === "applied" || kind === "reverted" || kind === "done");
  const measured = events.findLast(({ kind }) => kind === "measured");
  return changed !== undefined && changed.id > (measured?.id ?? 0);
}

/** Where one file stands. */
export interface LedgerEntry {
  /** Of the event that put it there. */
  readonly id: number;
  readonly file: string;
  readonly how: "applied" | "baselined" | "adopted" | "running" | "retired";
  /** Of the text that counts now: as applied, or as accepted since. */
  readonly checksum?: string;
  readonly meaning?: string;
  /** Of a file that runs statement by statement and has not come to its end. */
  readonly progress?: {
    readonly done: number;
    /** At most one more than `done`: the one whose end the ledger was not told. */
    readonly started: number;
    readonly statements: number;
    /** Of the file up to and with that statement. */
    readonly doneMeaning?: string | undefined;
    readonly startedMeaning?: string | undefined;
  };
  readonly at: string;
  readonly by: string;
  readonly note?: string;
}

/** The last word on each file, in the order in which they were applied. A reverted file stands nowhere. */
export function foldEvents(events: readonly Event[]): ReadonlyMap<string, LedgerEntry> {
  const standing = new Map<string, LedgerEntry>();
  for (const event of events) {
    const { id, kind, file, at, by } = event;
    const sums = {
      ...(event.checksum === undefined ? {} : { checksum: event.checksum }),
      ...(event.meaning === undefined ? {} : { meaning: event.meaning }),
    };
    const note = event.note === undefined ? {} : { note: event.note };
    const before = standing.get(file);
    switch (kind) {
      case "applied":
      case "baselined":
      case "adopted":
        standing.delete(file);
        standing.set(file, { id, file, how: kind, at, by, ...sums, ...note });
        break;
      case "started":
      case "done":
      case "failed":
        standing.set(file, { id, file, how: "running", at, by, ...sums, progress: progressAfter(before?.progress, event) });
        break;
      case "accepted":
        if (before) standing.set(file, { ...before, ...sums, note: `edited, and accepted: ${event.note ?? ""}` });
        break;
      case "retired":
        if (before) standing.set(file, { ...before, how: "retired", ...note });
        break;
      case "reverted":
        standing.delete(file);
        standing.delete(downName(file));
        break;
      case "measured":
        break;
    }
  }
  return standing;
}

function progressAfter(
  before: LedgerEntry["progress"],
  { kind, statement = 0, statements = 0, meaning }: Event,
): NonNullable<LedgerEntry["progress"]> {
  const { done = 0, doneMeaning } = before ?? {};
  if (kind === "done") return { done: statement, started: statement, statements, doneMeaning: meaning };
  if (kind === "failed") return { done, started: done, statements, doneMeaning };
  return { done, started: statement, statements, doneMeaning, startedMeaning: meaning };
}
