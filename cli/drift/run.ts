import { stableJson } from "../../engine/mask.ts";
import { countDrift } from "../../operate/recover/comparison.ts";
import { isRolesDrift } from "../../operate/recover/roles-drift.ts";
import { openSubject } from "../recover/subject.ts";
import { formatComparison } from "../recover/text.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { DriftOptions } from "./flags.ts";
import { formatRoles } from "./text.ts";

/** Account and state differ. */
const DRIFT = 10;

/** @returns the exit code. */
export async function drift(options: DriftOptions, terminal: Terminal): Promise<number> {
  const subject = await openSubject(options, "drift");
  const state = await subject.readState();
  const comparison = await subject.compare(state);
  const databases = options.database ? await subject.compareRoles(state) : undefined;
  const { project, stack } = subject.plan;
  const isAccountDrift = countDrift(comparison) > 0;
  const isDrift = isAccountDrift || (databases ?? []).some(isRolesDrift);
  if (options.json) terminal.print(stableJson({ project, stack, ...comparison, users: undefined, databases, drift: isDrift }));
  else {
    terminal.print(formatComparison({ project, stack, flags: subject.flags, comparison }, terminal));
    if (databases !== undefined) terminal.print(`\n${formatRoles(databases, subject.flags, terminal)}`);
    if (isAccountDrift) terminal.print(`\nTo repair it: slipway recover ${subject.flags}`);
  }
  if (isDrift) return DRIFT;
  return (databases ?? []).some(({ unread }) => unread !== undefined) ? FAILED : DONE;
}
