/** Compares the files of a folder with the ledger: which files are pending, and which applied files do not match. */
import { quoteWord } from "../../../catalog/shell.ts";
import { Failure } from "../../connect/failure.ts";
import { compareNames, downName, type Folder, type MigrationFile } from "../read/files.ts";
import { foldEvents, type LedgerEntry } from "./history.ts";
import type { Ledger } from "./ledger.ts";

export interface Comparison {
  readonly entries: ReadonlyMap<string, LedgerEntry>;
  /** In the order in which they will be applied. */
  readonly pending: readonly Pending[];
  readonly mismatches: readonly Mismatch[];
  /** Applied files with changes in formatting or comments only. */
  readonly reformatted: readonly string[];
}

export interface Pending {
  readonly file: MigrationFile;
  /** first: not applied yet. again: a repeatable file to apply again. resume: a non-transactional file that stopped between two statements. */
  readonly why: "first" | "again" | "resume";
  /** The last applied file, if it comes after this one. */
  readonly after?: string;
}

export type Mismatch =
  | { readonly kind: "edited"; readonly file: string; readonly was: string; readonly is: string; readonly at: string; readonly by: string }
  | { readonly kind: "missing"; readonly file: string; readonly at: string; readonly by: string; readonly renamedTo?: string }
  | { readonly kind: "out-of-order"; readonly file: string; readonly after: string }
  /** Its down migration stopped between two statements. */
  | { readonly kind: "half-reverted"; readonly file: string };

export function compareToLedger(folder: Folder, ledger: Ledger | undefined): Comparison {
  const entries = foldEvents(ledger?.events ?? []);
  const pending: Pending[] = [];
  const mismatches: Mismatch[] = [];
  const reformatted: string[] = [];
  const repeatAfter = ledger?.events.findLast(({ kind, repeats }) => kind === "reverted" || repeats)?.id ?? 0;
  const last = [...entries.values()]
    .filter(({ file, state }) => /^\d/.test(file) && (state === "applied" || state === "baselined"))
    .map(({ file }) => file)
    .sort(compareNames)
    .at(-1);

  for (const file of folder.files) {
    const entry = entries.get(file.name);
    if (entry === undefined || entry.state === "retired") {
      const late = file.kind === "numbered" && last !== undefined && compareNames(file.name, last) < 0;
      pending.push({ file, why: "first", ...(late ? { after: last } : {}) });
      if (late) mismatches.push({ kind: "out-of-order", file: file.name, after: last });
      continue;
    }
    const same = entry.checksum === undefined || entry.checksum === file.checksum;
    if (entries.has(downName(file.name))) mismatches.push({ kind: "half-reverted", file: file.name });
    // The remaining statements of such a file may change. nontransactional.ts compares the ones that ran.
    if (entry.state === "running") pending.push({ file, why: "resume" });
    else if (!same && entry.meaning !== undefined && entry.meaning === file.meaning) reformatted.push(file.name);
    else if (file.kind === "repeatable" && (!same || entry.id < repeatAfter)) pending.push({ file, why: "again" });
    else if (!same)
      mismatches.push({ kind: "edited", file: file.name, was: entry.checksum ?? "", is: file.checksum, at: entry.at, by: entry.by });
  }
  return { entries, pending, mismatches: [...mismatches, ...findMissing(folder, entries)], reformatted };
}

function findMissing(folder: Folder, entries: ReadonlyMap<string, LedgerEntry>): Mismatch[] {
  const names = new Set(folder.files.map(({ name }) => name));
  return [...entries.values()]
    .filter(({ file, state }) => state !== "retired" && state !== "adopted" && !names.has(file) && !file.endsWith(".down.sql"))
    .map(({ file, at, by, checksum }) => {
      const renamedTo = folder.files.find((other) => other.checksum === checksum && !entries.has(other.name))?.name;
      return { kind: "missing", file, at, by, ...(renamedTo === undefined ? {} : { renamedTo }) };
    });
}

export function rejectMismatches(mismatches: readonly Mismatch[], allowOutOfOrder: boolean): void {
  const rejected = mismatches.filter(({ kind }) => kind !== "out-of-order" || !allowOutOfOrder);
  const [first] = rejected;
  if (first === undefined) return;
  throw new Failure(
    first.kind,
    2,
    ["Nothing was applied: applied migrations do not match the files.", ...rejected.map(describeMismatch)].join("\n"),
  );
}

export function describeMismatch(mismatch: Mismatch): string {
  const { file } = mismatch;
  switch (mismatch.kind) {
    case "edited":
      return `  ${file} was changed after it was applied (${mismatch.at}, by ${mismatch.by}; checksum was ${mismatch.was.slice(0, 12)}, is ${mismatch.is.slice(0, 12)}).
    Restore the file and write a new one; or accept the change: slipway migrate repair --accept ${quoteWord(file)} --reason "…"`;
    case "missing":
      return mismatch.renamedTo === undefined
        ? `  ${file} was applied (${mismatch.at}, by ${mismatch.by}) and is not in the folder.
    Restore it; or, if it was removed on purpose: slipway migrate repair --retire ${quoteWord(file)} --reason "…"`
        : `  ${file} was applied (${mismatch.at}, by ${mismatch.by}) and appears to be renamed to ${mismatch.renamedTo}.
    Restore the name; or record the new one: slipway migrate repair --rename ${quoteWord(`${file}=${mismatch.renamedTo}`)} --reason "…"`;
    case "half-reverted":
      return `  ${file} is partly reverted: its down migration stopped between two statements.
    Finish it: slipway migrate down`;
    case "out-of-order":
      return `  ${file} is new and comes before ${mismatch.after}, which is applied.
    Give it the next free number; or, if it depends on no later file: slipway migrate up --allow-out-of-order`;
  }
}

export interface Selection {
  /** Apply files that come before applied ones. The ledger records it. @default false */
  allowOutOfOrder?: boolean | undefined;
  /** The last file to apply. @default all */
  to?: string | undefined;
}

/** The comparison with the pending files up to `to`. @throws if the applied files do not match. */
export function selectPending(folder: Folder, ledger: Ledger | undefined, { allowOutOfOrder = false, to }: Selection): Comparison {
  const comparison = compareToLedger(folder, ledger);
  rejectMismatches(comparison.mismatches, allowOutOfOrder);
  if (to === undefined) return comparison;
  const last = folder.files.findIndex(({ name }) => name === to);
  if (last === -1)
    throw new Failure(
      "no-such-file",
      2,
      `File ${to} is not in ${folder.path}, which contains: ${folder.files.map(({ name }) => name).join(", ") || "no files"}.`,
    );
  const selected = new Set(folder.files.slice(0, last + 1));
  return { ...comparison, pending: comparison.pending.filter(({ file }) => selected.has(file)) };
}
