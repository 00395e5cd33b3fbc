/** Folds the events of a ledger into the current state of each file. */
import { downName } from "../read/files.ts";
import type { Event, Ledger } from "./ledger.ts";

/** Whether the schema changed after the last fingerprint: an interrupted run records none. */
export function needsFingerprint({ events }: Ledger): boolean {
  const changed = events.findLast(({ kind }) => kind === "applied" || kind === "reverted" || kind === "done");
  const measured = events.findLast(({ kind }) => kind === "measured");
  return changed !== undefined && changed.id > (measured?.id ?? 0);
}

/** The progress of a non-transactional file that has not finished. */
export interface StatementProgress {
  readonly done: number;
  /** At most one more than `done`: the statement whose outcome is not recorded. */
  readonly started: number;
  readonly statements: number;
  /** The meaning of the file up to and including that statement. */
  readonly doneMeaning?: string | undefined;
  readonly startedMeaning?: string | undefined;
}

/** The current state of one file. */
export interface LedgerEntry {
  /** The event that last applied it. */
  readonly id: number;
  readonly file: string;
  readonly state: "applied" | "baselined" | "adopted" | "running" | "retired";
  /** Of the text as applied, or as accepted since. */
  readonly checksum?: string;
  readonly meaning?: string;
  readonly progress?: StatementProgress;
  readonly at: string;
  readonly by: string;
  readonly note?: string;
}

/** In the order in which the files were applied. A reverted file has no entry. */
export function foldEvents(events: readonly Event[]): ReadonlyMap<string, LedgerEntry> {
  const entries = new Map<string, LedgerEntry>();
  for (const event of events) {
    const { id, kind, file, at, by } = event;
    const sums = {
      ...(event.checksum === undefined ? {} : { checksum: event.checksum }),
      ...(event.meaning === undefined ? {} : { meaning: event.meaning }),
    };
    const note = event.note === undefined ? {} : { note: event.note };
    const before = entries.get(file);
    switch (kind) {
      case "applied":
      case "baselined":
      case "adopted":
        entries.delete(file);
        entries.set(file, { id, file, state: kind, at, by, ...sums, ...note });
        break;
      case "started":
      case "done":
      case "failed":
        entries.set(file, { id, file, state: "running", at, by, ...sums, progress: progressAfter(before?.progress, event) });
        break;
      case "accepted":
        if (before) entries.set(file, { ...before, ...sums, note: `edited, and accepted: ${event.note ?? ""}` });
        break;
      case "retired":
        if (before) entries.set(file, { ...before, state: "retired", ...note });
        break;
      case "reverted":
        entries.delete(file);
        entries.delete(downName(file));
        break;
      case "measured":
        break;
    }
  }
  return entries;
}

function progressAfter(before: StatementProgress | undefined, { kind, statement = 0, statements = 0, meaning }: Event): StatementProgress {
  const { done = 0, doneMeaning } = before ?? {};
  if (kind === "done") return { done: statement, started: statement, statements, doneMeaning: meaning };
  if (kind === "failed") return { done, started: done, statements, doneMeaning };
  return { done, started: statement, statements, doneMeaning, startedMeaning: meaning };
}
