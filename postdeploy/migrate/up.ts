/** Applies what is pending. A second call with nothing to do reads the ledger once and says so. */

import type { Done } from "./apply/job.ts";
import { selectPending } from "./ledger/compare.ts";
import { needsFingerprint } from "./ledger/history.ts";
import { readFolder } from "./read/files.ts";
import { throwOnErrors } from "./read/finding.ts";
import type { UpOptions } from "./run/options.ts";
import { withRunner } from "./run/runner.ts";

export interface UpResult {
  readonly applied: readonly Done[];
  /** Applied earlier, and only reformatted or commented since. */
  readonly reformatted: readonly string[];
  /** Of the schema as this run left it; absent when it changed nothing. */
  readonly fingerprint?: string;
}

export async function up(options: UpOptions): Promise<UpResult> {
  const folder = readFolder(options.folder);
  throwOnErrors(folder.findings);
  return withRunner(options, async (runner) => {
    const { pending, reformatted } = selectPending(folder, runner.ledger, options);
    if (pending.length === 0 && !(runner.ledger && needsFingerprint(runner.ledger))) return { applied: [], reformatted };
    // Loaded only now: a run with nothing to do never parses.
    const { applyPending } = await import("./apply/pending.ts");
    return { reformatted, ...(await applyPending(runner, folder, pending, options)) };
  });
}
