import { STEP } from "../../components/names.ts";
import { mask, stableJson } from "../../engine/mask.ts";
import type { Plan } from "../../engine/plan.ts";
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
  const errors = await fileErrors(planned);
  if (errors.length > 0) {
    terminal.log(errors.join("\n"));
    return FAILED;
  }
  return planned.messages.some(({ severity }) => severity === "error") ? FAILED : DONE;
}

/** Errors in the migrations and keyspaces that the plan's post-deploy steps apply, which the deployment would find only after it created the clusters. */
async function fileErrors({ resources }: Plan): Promise<readonly string[]> {
  const foldersOf = (step: string, key: "migrations" | "keyspaces") =>
    resources
      .filter(({ type }) => type === step)
      .map(({ inputs: { system, folder } }) => ({ system: String(system), [key]: String(folder) }));
  const systems = [...foldersOf(STEP.Migrations, "migrations"), ...foldersOf(STEP.Keyspaces, "keyspaces")];
  if (systems.length === 0) return [];
  const { findFileErrors } = await import("../../postdeploy/check-files.ts");
  return findFileErrors(systems);
}
