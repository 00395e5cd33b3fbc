/** Applies the pending files. With nothing to do it only reads the ledger. */
import type { CompletedFile } from "./apply/job.ts";
import { selectPending } from "./ledger/compare.ts";
import { needsFingerprint } from "./ledger/history.ts";
import { readFolder } from "./read/files.ts";
import { throwOnErrors } from "./read/finding.ts";
import type { UpOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";

export interface UpResult {
  readonly applied: readonly CompletedFile[];
  /** Applied files with changes in formatting or comments only. */
  readonly reformatted: readonly string[];
  /** Of the schema after the run; absent if the run changed nothing. */
  readonly fingerprint?: string;
}

export async function up(options: UpOptions): Promise<UpResult> {
  const folder = readFolder(options.folder);
  throwOnErrors(folder.findings);
  return withRunner(options, async (runner) => {
    const { pending, reformatted } = selectPending(folder, runner.ledger, options);
    if (pending.length === 0 && !(runner.ledger && needsFingerprint(runner.ledger))) return { applied: [], reformatted };
    // Imported on demand: a run with nothing to do needs no parser.
    const { applyPending } = await import("./apply/pending.ts");
    return { reformatted, ...(await applyPending(runner, folder, pending, options)) };
  });
}
