/** Reverts the last applied files, newest first, by their down migrations. */
import { Failure } from "../connect/failure.ts";
import { applyAndRecord } from "./apply/apply.ts";
import type { Job } from "./apply/job.ts";
import { compareToLedger, rejectMismatches } from "./ledger/compare.ts";
import { foldEvents, type LedgerEntry } from "./ledger/history.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { type DownFile, downName, type Folder, readFolder } from "./read/files.ts";
import { throwOnErrors } from "./read/finding.ts";
import { prepare } from "./read/prepare.ts";
import type { RunOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";

export interface DownOptions extends RunOptions {
  /** How many files to revert. @default 1 */
  steps?: number | undefined;
  /** The file that is the last applied one afterwards; "nothing" reverts all files. */
  to?: string | undefined;
}

export interface DownResult {
  /** The reverted files, in the order in which they were reverted. */
  readonly reverted: readonly string[];
  readonly fingerprint?: string;
}

export async function down(options: DownOptions): Promise<DownResult> {
  const folder = readFolder(options.folder);
  throwOnErrors(folder.findings);
  return withRunner(options, async (runner) => {
    await runner.lock();
    const { mismatches } = compareToLedger(folder, runner.ledger);
    rejectMismatches(
      mismatches.filter(({ kind }) => kind !== "half-reverted"),
      true,
    );
    const names = selectReverted(runner.ledger, options).map(({ file }) => file);
    if (names.length === 0) return { reverted: [] };
    const prepared = await prepare(names.map((name) => findDownFile(folder, name)));
    const remaining = (ledger: Ledger | undefined): Job[] => {
      const entries = foldEvents(ledger?.events ?? []);
      return names.flatMap((name, index) => (entries.has(name) ? [{ ...prepared[index]!, event: { kind: "reverted", file: name } }] : []));
    };
    runner.report({ kind: "pending", files: prepared.map(({ file }) => file.name) });
    const { completed, fingerprint } = await applyAndRecord(runner, { kind: "reverted", remaining });
    return { reverted: completed.map(({ file }) => file.replace(/\.down\.sql$/, ".sql")), fingerprint };
  });
}

/** Numbered files, newest first. */
function selectReverted(ledger: Ledger | undefined, { steps = 1, to }: DownOptions): LedgerEntry[] {
  const entries = [...foldEvents(ledger?.events ?? []).values()]
    .filter(({ file, state }) => /^\d/.test(file) && !file.endsWith(".down.sql") && state !== "retired")
    .reverse();
  if (to === undefined) return entries.slice(0, steps);
  if (to === "nothing") return entries;
  const end = entries.findIndex(({ file }) => file === to);
  if (end === -1)
    throw new Failure(
      "no-such-file",
      2,
      `${to} is not applied to this database. Applied, newest first: ${entries.map(({ file }) => file).join(", ") || "nothing"}.`,
    );
  return entries.slice(0, end);
}

function findDownFile(folder: Folder, name: string): DownFile {
  const file = folder.files.find((one) => one.name === name);
  if (file?.down) return file.down;
  const reason = file?.header.irreversible;
  if (reason !== undefined) throw new Failure("irreversible", 2, `${name} is irreversible: ${reason}. Nothing was reverted.`);
  if (file === undefined)
    throw new Failure(
      "no-way-back",
      2,
      `${name} was adopted from a former ledger and is not in the folder, so it has no down migration. Nothing was reverted.`,
    );
  throw new Failure(
    "no-way-back",
    2,
    `${name} has no down migration. Add ${downName(name)}, or mark ${name} with: -- slipway: irreversible <reason>. Nothing was reverted.`,
  );
}
