/** Runs `slipway rollback` and its commands. */
import { stableJson } from "../../engine/mask.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import { full as carryOutFull, planFull } from "../../operate/rollback/full.ts";
import { withLock } from "../../operate/rollback/lock.ts";
import { quick as carryOutQuick, planQuick } from "../../operate/rollback/quick.ts";
import { release } from "../../operate/rollback/release.ts";
import type { StepReport } from "../../operate/rollback/stopwatch.ts";
import type { Check } from "../../operate/verify/check.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { withNpx } from "../shared/hints.ts";
import { reportFailure } from "../shared/report-failure.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { CommitOptions, FullOptions, PlanOptions, QuickOptions, RevertOptions, RollbackOptions } from "./flags.ts";
import { findSubject } from "./subjects.ts";
import {
  formatFullPlan,
  formatFullResult,
  formatQuickPlan,
  formatQuickResult,
  formatStep,
  fullPlanToJson,
  quickPlanToJson,
} from "./text.ts";

type Run<Options> = (options: Options, terminal: Terminal, workspace?: Workspace) => Promise<number>;

const MINUTE_MS = 60_000;
const DEFAULT_WAIT_MINUTES = 15;

export const plan = withFailures<PlanOptions>(async (options, { print, ...layout }, workspace) => {
  const subject = await findSubject(options, workspace);
  const quickPlan = await planQuick(subject, quickOptions(options));
  const fullPlan = await planFull(subject, fullOptions(options));
  if (options.json) print(stableJson({ system: subject.system.name, quick: quickPlanToJson(quickPlan), full: fullPlanToJson(fullPlan) }));
  else print(withNpx([formatQuickPlan(quickPlan, subject, layout), "", formatFullPlan(fullPlan, subject, layout)].join("\n")));
  return DONE;
});

export const quick = withFailures<QuickOptions>(async (options, terminal, workspace) => {
  const { print, log: _, ...layout } = terminal;
  const subject = await findSubject(options, workspace);
  if (!options.yes) {
    const found = await planQuick(subject, quickOptions(options));
    if (options.json) print(stableJson({ system: subject.system.name, quick: quickPlanToJson(found) }));
    else print(withNpx(`${formatQuickPlan(found, subject, layout)}\n\nNothing was changed. To carry it out, add --yes.`));
    return found.refusals.length === 0 ? DONE : FAILED;
  }
  const waitMs = (options.wait ?? DEFAULT_WAIT_MINUTES) * MINUTE_MS;
  const result = await withLock(subject, () =>
    carryOutQuick(subject, quickOptions(options), { waitMs, report: reporter(terminal, options) }),
  );
  if (options.json) print(stableJson({ system: subject.system.name, quick: result }));
  else print(withNpx(formatQuickResult(result, subject, layout)));
  return exitOf(result.checks);
});

export const full = withFailures<FullOptions>(async (options, terminal, workspace) => {
  const { print, log: _, ...layout } = terminal;
  const subject = await findSubject(options, workspace);
  if (!options.yes) {
    const found = await planFull(subject, fullOptions(options));
    if (options.json) print(stableJson({ system: subject.system.name, full: fullPlanToJson(found) }));
    else print(withNpx(`${formatFullPlan(found, subject, layout)}\n\nNothing was changed. To carry it out, add --yes.`));
    return found.refusals.length === 0 ? DONE : FAILED;
  }
  if (!subject.isLocal && options.identity === undefined)
    throw new UsageError(
      "Which key decrypts the backup? --identity <file>, the file with the age secret key that `slipway backup keys` wrote",
    );
  const result = await withLock(subject, () => carryOutFull(subject, fullOptions(options), { report: reporter(terminal, options) }));
  if (options.json) print(stableJson({ system: subject.system.name, full: result }));
  else print(withNpx(formatFullResult(result, subject, layout)));
  return exitOf(result.checks);
});

export const commit = withFailures<CommitOptions>(async (options, terminal, workspace) =>
  endRollback("commit", options, terminal, workspace),
);
export const revert = withFailures<RevertOptions>(async (options, terminal, workspace) =>
  endRollback("revert", options, terminal, workspace),
);

async function endRollback(
  action: "commit" | "revert",
  options: CommitOptions & Partial<Pick<RevertOptions, "wait">>,
  { print }: Terminal,
  workspace: Workspace | undefined,
): Promise<number> {
  const subject = await findSubject(options, workspace);
  const waitMs = (options.wait ?? DEFAULT_WAIT_MINUTES) * MINUTE_MS;
  const lines = await withLock(subject, () => release(subject, { action, only: options.app, waitMs }));
  print(options.json ? stableJson({ system: subject.system.name, [action]: lines }) : `${lines.join(".\n")}.`);
  return DONE;
}

const quickOptions = ({ app, to, migrateDown, acceptDataLoss }: PlanOptions | QuickOptions) => ({
  ...{ only: app, to, migrateDown: migrateDown === true, acceptedLosses: acceptDataLoss ?? [] },
});
const fullOptions = ({ backup, migrateUp }: PlanOptions | FullOptions) => ({ backup, migrateUp: migrateUp === true });

const exitOf = (checks: readonly Check[]): number => (checks.some(({ outcome }) => outcome === "failed") ? FAILED : DONE);

/** Progress goes to stderr, so that stdout has the result alone. */
const reporter =
  ({ log }: Terminal, { json }: RollbackOptions): StepReport =>
  (event) => {
    if (!json) log(formatStep(event));
  };

function withFailures<Options extends RollbackOptions>(run: Run<Options>): Run<Options> {
  return async (options, terminal, workspace) => {
    try {
      return await run(options, terminal, workspace);
    } catch (error) {
      return reportFailure(error, options, terminal);
    }
  };
}
