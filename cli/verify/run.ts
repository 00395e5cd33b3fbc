/** Runs `slipway verify`. */
import type { Workspace } from "../../local/platform/workspace.ts";
import { answerChecklist } from "../../operate/verify/checklist.ts";
import { verify as verifySystem } from "../../operate/verify/verify.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import { withNpx } from "../shared/hints.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { VerifyOptions } from "./flags.ts";
import type { Report } from "./report.ts";
import { findSubjects } from "./subjects.ts";
import { formatReport } from "./text.ts";

const DEFAULT_WAIT_MINUTES = 15;

/** @returns the exit code. */
export async function verify(options: VerifyOptions, terminal: Terminal, workspace?: Workspace): Promise<number> {
  const { print, ...layout } = terminal;
  const subjects = await findSubjects(options, workspace);
  const waitMs = (options.wait ?? DEFAULT_WAIT_MINUTES) * 60_000;
  const reports: Report[] = [];
  for (const subject of subjects) {
    const at = new Date().toISOString();
    const checks = await verifySystem(subject, { waitMs, bench: options.bench ?? false });
    const { name, title } = subject.system;
    const report = { system: name, title, at, checks, checklist: answerChecklist(subject.system, checks) };
    reports.push(report);
    if (!options.json) print(withNpx(`${reports.length > 1 ? "\n" : ""}${formatReport(report, layout)}`));
  }
  if (options.json) print(JSON.stringify({ reports }, null, 2));
  return reports.some(({ checks }) => checks.some(({ outcome }) => outcome === "failed")) ? FAILED : DONE;
}
