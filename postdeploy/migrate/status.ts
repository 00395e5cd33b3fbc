/** The state of every file, read without a lock and without writing. */
import { compareToLedger, type Mismatch } from "./ledger/compare.ts";
import { type LedgerEntry, needsFingerprint } from "./ledger/history.ts";
import { type MigrationFile, readFolder } from "./read/files.ts";
import type { Finding } from "./read/finding.ts";
import type { MigrateOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";
import { type Difference, findDrift } from "./schema/fingerprint.ts";
import { type BrokenIndex, findBrokenIndexes } from "./schema/indexes.ts";

export interface StatusResult {
  readonly database: string;
  readonly role: string;
  readonly serverVersion: string;
  /** Absent if no run has created a ledger. */
  readonly ledger?: { readonly schema: string; readonly id: string; readonly system?: string };
  readonly files: readonly FileStatus[];
  readonly pending: readonly string[];
  readonly mismatches: readonly Mismatch[];
  readonly findings: readonly Finding[];
  /** The differences since the last run; absent if the ledger has no current fingerprint. */
  readonly drift?: readonly Difference[];
  readonly brokenIndexes: readonly BrokenIndex[];
}

export interface FileStatus {
  readonly file: string;
  readonly state: "pending" | "applied" | "baselined" | "adopted" | "running" | "retired" | "edited" | "missing" | "reformatted";
  readonly at?: string;
  readonly by?: string;
  readonly note?: string;
  /** Of a file that stopped between two statements: [applied, total]. */
  readonly progress?: readonly [number, number];
  /** Whether there is a down migration, or the reason why not. */
  readonly back?: "file" | "none" | { readonly irreversible: string };
}

export async function status(options: MigrateOptions): Promise<StatusResult> {
  const folder = readFolder(options.folder);
  return withRunner(options, async (runner) => {
    const { ledger, server, session, table } = runner;
    const { pending, mismatches, reformatted, entries } = compareToLedger(folder, ledger);
    const stateOf = (file: MigrationFile, entry: LedgerEntry): FileStatus["state"] => {
      if (mismatches.some((mismatch) => mismatch.file === file.name && mismatch.kind === "edited")) return "edited";
      if (entry.state === "running") return "running";
      if (pending.some((one) => one.file === file)) return "pending";
      return reformatted.includes(file.name) ? "reformatted" : entry.state;
    };
    const inFolder = folder.files.map((file): FileStatus => {
      const entry = entries.get(file.name);
      const back = file.kind === "repeatable" ? {} : { back: reversibility(file) };
      if (entry === undefined) return { file: file.name, state: "pending", ...back };
      const { progress } = entry;
      return {
        ...describeEntry(entry, stateOf(file, entry)),
        ...(progress === undefined ? {} : { progress: [progress.done, progress.statements] as const }),
        ...back,
      };
    });
    const names = new Set(folder.files.map(({ name }) => name));
    const notInFolder = [...entries.values()]
      .filter(({ file }) => !names.has(file) && !file.endsWith(".down.sql"))
      .map((entry) => describeEntry(entry, entry.state === "adopted" || entry.state === "retired" ? entry.state : "missing"));
    const drift = ledger === undefined || needsFingerprint(ledger) ? undefined : await findDrift(session, table);
    return {
      database: server.database,
      role: server.role,
      serverVersion: server.version,
      ...(ledger === undefined
        ? {}
        : { ledger: { schema: table.schema, id: ledger.id, ...(ledger.system === undefined ? {} : { system: ledger.system }) } }),
      files: [...notInFolder, ...inFolder],
      pending: pending.map(({ file }) => file.name),
      mismatches,
      findings: folder.findings,
      ...(drift === undefined ? {} : { drift }),
      brokenIndexes: await findBrokenIndexes(session),
    };
  });
}

function describeEntry({ file, at, by, note }: LedgerEntry, state: FileStatus["state"]): FileStatus {
  return { file, state, at, by, ...(note === undefined ? {} : { note }) };
}

function reversibility({ down, header: { irreversible } }: MigrationFile): NonNullable<FileStatus["back"]> {
  if (down) return "file";
  return irreversible === undefined ? "none" : { irreversible };
}
