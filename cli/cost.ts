/** `slipway cost`: what a stack costs a month by the public price list, and what another size would. */
import { stableJson } from "../engine/mask.ts";
import { findProject } from "../engine/project.ts";
import { planStack } from "../engine/stackplan.ts";
import { costOf, sourcesOf } from "../preview/cost/cost.ts";
import { resize } from "../preview/cost/resize.ts";
import { type Command, DONE, type Given, UsageError } from "./command.ts";
import { costText } from "./costtext.ts";
import { neededStack } from "./stack.ts";

export const command: Command = {
  usage: `slipway cost: what a stack costs a month by the public price list, without an account

Usage: slipway cost --stack <name> [flags]

  -s, --stack <name>         the stack: prod for Pulumi.prod.yaml
      --size <what>=<size>   as if it had that size, beside what it has: candlefish-postgres=db-s-4vcpu-8gb,
                             "fluxstudio-fluxstudio api=apps-d-1vcpu-1gb"; may be given again
      --json                 the same for a machine
      --cwd <directory>      where to look for Pulumi.yaml, and above it (default: here)

List prices in US dollars, without taxes, traffic and discounts, with their sources and dates. What has no public price is "unpriced".

Exit codes: 0 told, 1 the program failed, 2 bad input.`,
  options: {
    stack: { type: "string", short: "s" },
    size: { type: "string", multiple: true },
    json: { type: "boolean" },
    cwd: { type: "string" },
  },
  async run(given, { print, columns, style }) {
    const { stack, sizes, json, cwd } = parse(given);
    const project = findProject(cwd);
    // Where Pulumi would start the program.
    process.chdir(project.directory);
    // No price depends on a secret that an operator has yet to type.
    const plan = await planStack(project, { stack: neededStack(stack, project, "cost"), placeholders: true });
    const cost = costOf(plan);
    const { plan: resized, warnings } = resize(plan, sizes);
    const asked = Object.keys(sizes).length > 0 ? { ...costOf(resized), warnings } : undefined;
    const { project: name, stack: of } = plan;
    if (json) print(stableJson({ project: name, stack: of, ...cost, sources: sourcesOf(cost.lines), ...(asked && { resized: asked }) }));
    else print(costText({ project: name, stack: of, cost, ...(asked && { resized: asked, warnings }) }, { columns, style }));
    return DONE;
  },
};

interface Options {
  readonly stack?: string;
  readonly sizes: Readonly<Record<string, string>>;
  readonly json: boolean;
  readonly cwd: string;
}

function parse({ values }: Given): Options {
  const { stack, size = [], json = false, cwd = process.cwd() } = values as Partial<Record<string, never>>;
  const sizes = Object.fromEntries((size as string[]).map(sizeOf));
  return { sizes, json, cwd, ...(stack === undefined ? {} : { stack }) };
}

function sizeOf(given: string): [what: string, size: string] {
  const equals = given.indexOf("=");
  if (equals < 1 || equals === given.length - 1)
    throw new UsageError(`--size takes what=size, not "${given}": --size candlefish-postgres=db-s-4vcpu-8gb`);
  return [given.slice(0, equals), given.slice(equals + 1)];
}
