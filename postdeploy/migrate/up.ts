/** Applies what is pending. A second call with nothing to do reads the ledger once and says so. */
import { readFolder } from "./files.ts";
import { refuseBad } from "./finding.ts";
import type { Done } from "./job.ts";
import { needsMeasure } from "./ledger.ts";
import type { UpOptions } from "./options.ts";
import { withRunner } from "./runner.ts";
import { heldAgainst } from "./state.ts";

export interface UpResult {
  readonly applied: readonly Done[];
  /** Applied earlier, and only reformatted or commented since. */
  readonly reformatted: readonly string[];
  /** Of the schema as this run left it; absent when it changed nothing. */
  readonly fingerprint?: string;
}

export async function up(options: UpOptions): Promise<UpResult> {
  const folder = readFolder(options.folder);
  refuseBad(folder.findings);
  return withRunner(options, async (runner) => {
    const { pending, reformatted } = heldAgainst(folder, runner.ledger, options);
    if (pending.length === 0 && !(runner.ledger && needsMeasure(runner.ledger))) return { applied: [], reformatted };
    // Loaded only now: a run with nothing to do never parses.
    const { applyPending } = await import("./pending.ts");
    return { reformatted, ...(await applyPending(runner, folder, pending, options)) };
  });
}
