import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { describeWithPulumi } from "../pulumi.ts";
import { type Stack, startStack } from "./stack.ts";

describeWithPulumi("Pulumi.prod.yaml of this repository, which has example values", (cli) => {
  let stack: Stack;

  beforeAll(async () => {
    const { config } = parse(readFileSync(new URL("../../Pulumi.prod.yaml", import.meta.url), "utf8")) as {
      config: Record<string, unknown>;
    };
    stack = await startStack(cli, config);
  });
  afterAll(() => stack?.remove());

  it.each([[["preview"]], [["up", "--yes"]], [["up", "--yes", "--skip-preview"]]])(
    "is refused by pulumi %j, with what to type for each value, and without a request",
    async (command) => {
      const { code, output } = await stack.pulumi(...command);
      expect(code).not.toBe(0);
      expect(output).toMatch(/error: \d+ problems in the settings of stack "test"\./);
      for (const typed of [
        "pulumi config set --path 'slipway:allowedSources[0]' '<IPv4 address of the runner>' -s test",
        "pulumi config set --path 'slipway:alertEmails[0]' '<email address>' -s test",
        "pulumi config set --path slipway:candlefish.repos.api.repo '<owner>/<repository>' -s test",
        "pulumi config set --path slipway:fluxstudio.repos.api.repo '<owner>/<repository>' -s test",
      ])
        expect(output).toContain(typed);
      expect(output).not.toMatch(/^\s+at /m);
      expect(stack.requests()).toEqual([]);
    },
  );
});
