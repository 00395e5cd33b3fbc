import { stableJson } from "../../engine/mask.ts";
import { countDrift } from "../../operate/recover/comparison.ts";
import { openSubject } from "../recover/subject.ts";
import { formatComparison } from "../recover/text.ts";
import { DONE } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { DriftOptions } from "./flags.ts";

/** Account and state differ. */
const DRIFT = 10;

/** @returns the exit code. */
export async function drift(options: DriftOptions, terminal: Terminal): Promise<number> {
  const subject = await openSubject(options, "drift");
  const comparison = await subject.compare(await subject.readState());
  const { project, stack } = subject.plan;
  const isDrift = countDrift(comparison) > 0;
  if (options.json) terminal.print(stableJson({ project, stack, ...comparison, users: undefined, drift: isDrift }));
  else {
    terminal.print(formatComparison({ project, stack, flags: subject.flags, comparison }, terminal));
    if (isDrift) terminal.print(`\nTo repair it: slipway recover ${subject.flags}`);
  }
  return isDrift ? DRIFT : DONE;
}
