/** Measures `slipway plan` compared with an empty program, and with `pulumi preview` of the same stack. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { REPOS, startStack } from "../tests/engine/stack.ts";
import { pulumiCli } from "../tests/pulumi.ts";
import type { Benchmark } from "./benchmark.ts";
import { compareCommands, compareRuns, runCommand, type Sample } from "./command.ts";

const CHECKOUT = path.join(import.meta.dirname, "..");

const EMPTY = "empty program";
const PLATFORM = "whole platform, prod";

export const bench: Benchmark = {
  about: "slipway plan --stack prod --json, whole process, compile cache warm",
  unit: "ms",
  run: async () => ({
    runners: await compareCommands(
      { [EMPTY]: planArguments(path.join(import.meta.dirname, "fixtures/empty")), [PLATFORM]: planArguments(CHECKOUT) },
      11,
    ),
    targets: [{ runner: PLATFORM, comparedTo: EMPTY, atMost: 2.2 }],
  }),
};

const PLAN = "slipway plan";
const PREVIEW = "pulumi preview";

export const comparedToPulumi: Benchmark = {
  about: "slipway plan and pulumi preview of prod's configuration against slipway's own DigitalOcean API, whole processes",
  unit: "ms",
  skip: () => (pulumiCli() ? undefined : "the Pulumi CLI is neither on the PATH nor in ~/.pulumi/bin"),
  async run() {
    const { config } = parse(readFileSync(path.join(CHECKOUT, "Pulumi.prod.yaml"), "utf8")) as { readonly config: Record<string, object> };
    const stack = await startStack(pulumiCli()?.path ?? "pulumi", withoutExamples(config));
    try {
      return {
        runners: await compareRuns(
          { [PLAN]: () => runCommand(...planArguments(stack.program, "test")), [PREVIEW]: () => preview(stack) },
          5,
        ),
        targets: [{ runner: PREVIEW, comparedTo: PLAN, atLeast: 8 }],
      };
    } finally {
      await stack.remove();
    }
  },
};

/** Pulumi's engine refuses the example values of the file. */
function withoutExamples(config: Readonly<Record<string, object>>): Record<string, unknown> {
  const repos = Object.entries(REPOS).map(([key, value]) => [key, { ...config[key], ...value }]);
  return { ...config, ...Object.fromEntries(repos), "slipway:allowedSources": ["198.18.0.7"], "slipway:alertEmails": ["oncall@acme.dev"] };
}

function planArguments(directory: string, stack = "prod"): string[] {
  return ["plan", "--stack", stack, "--json", "--cwd", directory];
}

async function preview(stack: Awaited<ReturnType<typeof startStack>>): Promise<Sample> {
  const start = performance.now();
  const { code, output } = await stack.pulumi("preview", "--json");
  if (code !== 0) throw new Error(`pulumi preview failed:\n${output}`);
  return { ms: performance.now() - start };
}
