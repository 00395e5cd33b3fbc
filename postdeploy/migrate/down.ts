/** Takes the last applied files back, newest first, by their own ways back. */
import { Failure } from "../connect/failure.ts";
import { applyAndRecord } from "./apply/apply.ts";
import type { Job } from "./apply/job.ts";
import { compare, rejectMismatches } from "./ledger/compare.ts";
import { foldEvents, type LedgerEntry } from "./ledger/history.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { downName, type Folder, readFolder } from "./read/files.ts";
import { throwOnErrors } from "./read/finding.ts";
import { prepare } from "./read/prepare.ts";
import type { RunOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";

export interface DownOptions extends RunOptions {
  /** How many files. @default 1 */
  steps?: number | undefined;
  /** Back to where this file was the last one; "nothing" takes all back. */
  to?: string | undefined;
}

export interface DownResult {
  /** The files that are no longer applied, in the order in which they went. */
  readonly reverted: readonly string[];
  readonly fingerprint?: string;
}

export async function down(options: DownOptions): Promise<DownResult> {
  const folder = readFolder(options.folder);
  throwOnErrors(folder.findings);
  return withRunner(options, async (runner) => {
    await runner.lock();
    const { mismatches } = compare(folder, runner.ledger);
    rejectMismatches(
      mismatches.filter(({ kind }) => kind !== "half-reverted"),
      true,
    );
    const names = chosen(runner.ledger, options).map(({ file }) => file);
    if (names.length === 0) return { reverted: [] };
    const ready = await prepare(names.map((name) => wayBack(folder, name)));
    const todo = (ledger: Ledger | undefined): Job[] => {
      const standing = foldEvents(ledger?.events ?? []);
      return names.flatMap((name, index) => (standing.has(name) ? [{ ...ready[index]!, event: { kind: "reverted", file: name } }] : []));
    };
    runner.tell({ kind: "pending", files: ready.map(({ file }) => file.name) });
    const { done, fingerprint } = await applyAndRecord(runner, { kind: "reverted", todo });
    return { reverted: done.map(({ file }) => file.replace(/\.down\.sql$/, ".sql")), fingerprint };
  });
}

/** Numbered files, newest first. */
function chosen(ledger: Ledger | undefined, { steps = 1, to }: DownOptions): LedgerEntry[] {
  const standing = [...foldEvents(ledger?.events ?? []).values()]
    .filter(({ file, how }) => /^\d/.test(file) && !file.endsWith(".down.sql") && how !== "retired")
    .reverse();
  if (to === undefined) return standing.slice(0, steps);
  if (to === "nothing") return standing;
  const end = standing.findIndex(({ file }) => file === to);
  if (end === -1)
    throw new Failure(
      "no-such-file",
      2,
      `${to} is not applied here. Applied, newest first: ${standing.map(({ file }) => file).join(", ") || "nothing"}.`,
    );
  return standing.slice(0, end);
}

function wayBack(folder: Folder, name: string) {
  const file = folder.files.find((one) => one.name === name);
  if (file?.down) return file.down;
  const reason = file?.header.irreversible;
  if (reason !== undefined) throw new Failure("irreversible", 2, `${name} cannot be taken back: ${reason}. Nothing was reverted.`);
  if (file === undefined)
    throw new Failure(
      "no-way-back",
      2,
      `${name} came from a former ledger and its file is not here, so nothing is known of its way back. Nothing was reverted.`,
    );
  throw new Failure(
    "no-way-back",
    2,
    `${name} has no way back. Write ${downName(name)}, or say in ${name} why there is none: -- slipway: irreversible <reason>. Nothing was reverted.`,
  );
}
