/** `slipway rotate plan`: what can be rotated in a stack, with which command, in which order, and what fails meanwhile. */
import { DONE } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { RotateOptions } from "./flags.ts";
import { planOf } from "./rotation-plan.ts";
import { openSubject } from "./subject.ts";
import { formatPlan } from "./text.ts";

/** @returns the exit code. */
export async function plan(options: RotateOptions, terminal: Terminal): Promise<number> {
  const subject = await openSubject(options, "plan");
  const plans = subject.selected.map((system) => planOf(system, subject));
  terminal.print(options.json ? JSON.stringify(plans, null, 2) : formatPlan(plans, subject, terminal));
  return DONE;
}
