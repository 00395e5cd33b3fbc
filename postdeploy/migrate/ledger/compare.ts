/** A folder held against a ledger: what is pending, and what does not fit. Pure: it decides, and asks nobody. */
import { Failure } from "../../connect/failure.ts";
import { compareNames, downName, type Folder, type MigrationFile } from "../read/files.ts";
import { foldEvents, type LedgerEntry } from "./history.ts";
import type { Ledger } from "./ledger.ts";

export interface State {
  readonly standing: ReadonlyMap<string, LedgerEntry>;
  /** In the order in which they will apply. */
  readonly pending: readonly Pending[];
  readonly mismatches: readonly Mismatch[];
  /** Applied, and only reformatted or commented since. */
  readonly reformatted: readonly string[];
}

export interface Pending {
  readonly file: MigrationFile;
  /** first: never seen. again: a repeatable file with a new text, or after views and functions were taken away. resume: stopped between two of its statements. */
  readonly why: "first" | "again" | "resume";
  /** The file with the highest place that was applied before it, when that is a later one. */
  readonly after?: string;
}

export type Mismatch =
  | { readonly kind: "edited"; readonly file: string; readonly was: string; readonly is: string; readonly at: string; readonly by: string }
  | { readonly kind: "missing"; readonly file: string; readonly at: string; readonly by: string; readonly renamedTo?: string }
  | { readonly kind: "out-of-order"; readonly file: string; readonly after: string }
  /** Its way back stopped between two statements. */
  | { readonly kind: "half-reverted"; readonly file: string };

export function compare(folder: Folder, ledger: Ledger | undefined): State {
  const standing = foldEvents(ledger?.events ?? []);
  const pending: Pending[] = [];
  const mismatches: Mismatch[] = [];
  const reformatted: string[] = [];
  const repeatAfter = ledger?.events.findLast(({ kind, repeats }) => kind === "reverted" || repeats)?.id ?? 0;
  const last = [...standing.values()]
    .filter(({ file, how }) => /^\d/.test(file) && (how === "applied" || how === "baselined"))
    .map(({ file }) => file)
    .sort(compareNames)
    .at(-1);

  for (const file of folder.files) {
    const stands = standing.get(file.name);
    if (stands === undefined || stands.how === "retired") {
      const late = file.kind === "numbered" && last !== undefined && compareNames(file.name, last) < 0;
      pending.push({ file, why: "first", ...(late ? { after: last } : {}) });
      if (late) mismatches.push({ kind: "out-of-order", file: file.name, after: last });
      continue;
    }
    const same = stands.checksum === undefined || stands.checksum === file.checksum;
    // What is still to come of such a file may be mended; what is done is compared where its statements are known.
    if (standing.has(downName(file.name))) mismatches.push({ kind: "half-reverted", file: file.name });
    if (stands.how === "running") pending.push({ file, why: "resume" });
    else if (!same && stands.meaning !== undefined && stands.meaning === file.meaning) reformatted.push(file.name);
    else if (file.kind === "repeatable" && (!same || stands.id < repeatAfter)) pending.push({ file, why: "again" });
    else if (!same) mismatches.push(edited(file, stands));
  }
  return { standing, pending, mismatches: [...mismatches, ...missing(folder, standing)], reformatted };
}

function edited(file: MigrationFile, { file: name, checksum = "", at, by }: LedgerEntry): Mismatch {
  return { kind: "edited", file: name, was: checksum, is: file.checksum, at, by };
}

function missing(folder: Folder, standing: ReadonlyMap<string, LedgerEntry>): Mismatch[] {
  const here = new Set(folder.files.map(({ name }) => name));
  return [...standing.values()]
    .filter(({ file, how }) => how !== "retired" && how !== "adopted" && !here.has(file) && !file.endsWith(".down.sql"))
    .map(({ file, at, by, checksum }) => {
      const renamedTo = folder.files.find((other) => other.checksum === checksum && !standing.has(other.name))?.name;
      return { kind: "missing", file, at, by, ...(renamedTo === undefined ? {} : { renamedTo }) };
    });
}

/** Whoever runs this file's migrations: `slipway migrate repair --dir sql --accept …` needs no more than this to be typed. */
export function rejectMismatches(mismatches: readonly Mismatch[], allowOutOfOrder: boolean): void {
  const stopping = mismatches.filter(({ kind }) => kind !== "out-of-order" || !allowOutOfOrder);
  const [first] = stopping;
  if (first === undefined) return;
  throw new Failure(first.kind, 2, [`Nothing was applied: folder and ledger do not fit.`, ...stopping.map(describeMismatch)].join("\n"));
}

export function describeMismatch(mismatch: Mismatch): string {
  const { file } = mismatch;
  switch (mismatch.kind) {
    case "edited":
      return `  ${file} was changed after it was applied (${mismatch.at}, by ${mismatch.by}; then ${mismatch.was.slice(0, 12)}, now ${mismatch.is.slice(0, 12)}).
    Put the old text back and write a new file; or, if the change is known: slipway migrate repair --accept ${file} --reason "…"`;
    case "missing":
      return mismatch.renamedTo === undefined
        ? `  ${file} was applied (${mismatch.at}, by ${mismatch.by}) and is not in the folder.
    Put it back; or, if it is gone for good: slipway migrate repair --retire ${file} --reason "…"`
        : `  ${file} was applied (${mismatch.at}, by ${mismatch.by}) and now seems to be called ${mismatch.renamedTo}.
    Name it as before; or record the new name: slipway migrate repair --rename ${file}=${mismatch.renamedTo} --reason "…"`;
    case "half-reverted":
      return `  ${file} is half reverted: its way back stopped between two statements.
    Let it come to its end: slipway migrate down`;
    case "out-of-order":
      return `  ${file} is new and stands before ${mismatch.after}, which is applied.
    Give it the next free number; or, if it depends on nothing later: slipway migrate up --allow-out-of-order`;
  }
}

export interface Selection {
  /** Apply files that stand before applied ones; the ledger notes it. @default false */
  allowOutOfOrder?: boolean | undefined;
  /** The last file to apply. @default all */
  to?: string | undefined;
}

/** The same, refused where it does not fit, and only as far as one asked for. */
export function selectPending(folder: Folder, ledger: Ledger | undefined, { allowOutOfOrder = false, to }: Selection): State {
  const state = compare(folder, ledger);
  rejectMismatches(state.mismatches, allowOutOfOrder);
  if (to === undefined) return state;
  const last = folder.files.findIndex(({ name }) => name === to);
  if (last === -1)
    throw new Failure(
      "no-such-file",
      2,
      `There is no file ${to} in ${folder.path}. Its files: ${folder.files.map(({ name }) => name).join(", ") || "none"}.`,
    );
  const within = new Set(folder.files.slice(0, last + 1));
  return { ...state, pending: state.pending.filter(({ file }) => within.has(file)) };
}
