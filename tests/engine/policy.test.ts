import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithPulumi } from "../pulumi.ts";
import { REPOS, type Stack, startStack } from "./stack.ts";

const config = {
  ...REPOS,
  "slipway:environment": "staging",
  "slipway:protect": "false",
  "slipway:systems": ["devx"],
  "slipway:postDeploy": { mode: "manual" },
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 },
  "slipway:backups": { enabled: false },
};

describeWithPulumi("the policy pack under Pulumi's engine", (cli) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config);
  });
  afterAll(() => stack?.remove());

  const preview = (...args: string[]) => stack.pulumi("preview", "--policy-pack", join(stack.program, "policy"), ...args);

  it("lets a stack of this project pass", async () => {
    const { code, output } = await preview();
    expect(code, output).toBe(0);
    expect(output).toMatch(/slipway@v0\.1\.0/);
    expect(output).not.toMatch(/mandatory|advisory|can't run policy/);
  });

  it("stops a preview in which production data is unprotected, at the cluster, with what to type", async () => {
    const settings = join(stack.program, "policy-config.json");
    writeFileSync(settings, JSON.stringify({ "database-protected": { production: ["test"] } }));
    const { code, output } = await preview("--policy-pack-config", settings);
    expect(code, output).not.toBe(0);
    expect(output).toMatch(/\[mandatory\] {2}database-protected {2}\(.*: shared-postgres-test-cluster\)/);
    expect(output).toContain("pulumi config set slipway:protect true");
  });
});
