import { stableJson } from "../../engine/mask.ts";
import { findProject } from "../../engine/project.ts";
import { planStack } from "../../engine/stackplan.ts";
import { costOf, sourcesOf } from "../../preview/cost/cost.ts";
import { resize } from "../../preview/cost/resize.ts";
import { DONE } from "../shared/errors.ts";
import { requireStack } from "../shared/require-stack.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { CostOptions } from "./flags.ts";
import { formatCost } from "./text.ts";

/** @returns the exit code. */
export async function cost({ stack: given, size = {}, json, cwd }: CostOptions, terminal: Terminal): Promise<number> {
  const program = findProject(cwd);
  // Where Pulumi would start the program.
  process.chdir(program.directory);
  // No price depends on a secret that an operator has yet to set.
  const plan = await planStack(program, { stack: requireStack(given, program, "cost"), placeholders: true });
  const { project, stack } = plan;
  const current = costOf(plan);
  const { plan: resizedPlan, warnings } = resize(plan, size);
  const resized = Object.keys(size).length > 0 ? { ...costOf(resizedPlan), warnings } : undefined;
  if (json) terminal.print(stableJson({ project, stack, ...current, sources: sourcesOf(current.lines), ...(resized && { resized }) }));
  else terminal.print(formatCost({ project, stack, cost: current, ...(resized && { resized, warnings }) }, terminal));
  return DONE;
}
