/** `slipway plan`: what a stack asks for. */
import { mask, stableJson } from "../../engine/mask.ts";
import type { Plan } from "../../engine/plan.ts";
import { findProject } from "../../engine/project.ts";
import { planStack } from "../../engine/stackplan.ts";
import { type Command, DONE, FAILED, type Given } from "../shared/command.ts";
import { type Overrides, overridesOf, withOverrides } from "../shared/config-flag.ts";
import { neededStack } from "../shared/stack.ts";
import { planText } from "./text.ts";

export const command: Command = {
  usage: `slipway plan: what a stack asks for, without an account, a credential or Pulumi

Usage: slipway plan --stack <name> [flags]

  -s, --stack <name>      the stack: prod for Pulumi.prod.yaml
      --json              the whole plan, secrets masked; the same bytes for the same program and stack
      --placeholders      plan although operator secrets are missing, and name them
  -c, --config <k>=<v>    a config value over the file's; may be given again
      --cwd <directory>   where to look for Pulumi.yaml, and above it (default: here)

Exit codes: 0 planned, 1 the program failed or logged an error, 2 bad input.`,
  options: {
    stack: { type: "string", short: "s" },
    json: { type: "boolean" },
    placeholders: { type: "boolean" },
    config: { type: "string", short: "c", multiple: true },
    cwd: { type: "string" },
  },
  async run(given, { print, columns, style }) {
    const options = parse(given);
    const plan = await planOf(options);
    print(options.json ? stableJson(mask(plan)) : planText(mask(plan), { columns, style }));
    return plan.messages.some(({ severity }) => severity === "error") ? FAILED : DONE;
  },
};

export interface PlanOptions {
  readonly stack: string | undefined;
  readonly json: boolean;
  readonly placeholders: boolean;
  readonly config: Overrides;
  readonly cwd: string;
}

function planOf({ cwd, stack, config, placeholders }: PlanOptions): Promise<Plan> {
  const project = findProject(cwd);
  const named = neededStack(stack, project, "plan");
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  return withOverrides(config, project.name, () => planStack(project, { stack: named, config, placeholders }));
}

function parse({ values }: Given): PlanOptions {
  const { stack, json = false, placeholders = false, config = [], cwd = process.cwd() } = values as Partial<Record<string, never>>;
  return { stack, json, placeholders, config: overridesOf(config), cwd };
}
