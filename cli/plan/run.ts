import { mask, stableJson } from "../../engine/mask.ts";
import { findProject } from "../../engine/project.ts";
import { planStack } from "../../engine/stackplan.ts";
import { withOverrides } from "../shared/config-flag.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import { requireStack } from "../shared/require-stack.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { PlanOptions } from "./flags.ts";
import { formatPlan } from "./text.ts";

/** @returns the exit code. */
export async function plan({ stack, config = {}, placeholders, json, cwd }: PlanOptions, terminal: Terminal): Promise<number> {
  const project = findProject(cwd);
  const name = requireStack(stack, project, "plan");
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  const planned = await withOverrides(config, project.name, () =>
    planStack(project, { stack: name, config, placeholders: placeholders === true }),
  );
  terminal.print(json ? stableJson(mask(planned)) : formatPlan(mask(planned), terminal));
  return planned.messages.some(({ severity }) => severity === "error") ? FAILED : DONE;
}
