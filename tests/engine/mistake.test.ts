import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithPulumi } from "../pulumi.ts";
import { type Stack, startStack } from "./stack.ts";

/** A mistake that is only found in an Output, on which everything else waits. */
const index = `
import * as pulumi from "@pulumi/pulumi";
import { RandomId } from "@pulumi/random/randomId.js";
import { App } from "./components/app.ts";

export default async function program() {
  const wrong = pulumi.output("key").apply((key) => \`\${pulumi.output("host")}:\${key}\`);
  const github = { repo: "acme/shop", branch: "main", deployOnPush: true };
  const worker = { kind: "worker", github, size: "apps-s-1vcpu-1gb", env: { API_URL: { value: wrong, scope: "RUN_TIME" } } };
  const app = new App("shop", { appName: "shop", region: "nyc", components: { worker } });
  new RandomId("next", { byteLength: 4, keepers: { app: app.id } });
  return { app: app.id };
}
`;

describeWithPulumi("a mistake under Pulumi's engine", (cli) => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack(cli, {}, { index });
  });
  afterAll(() => stack?.remove());

  it("is the sentence that was written, without the inputs that it passed through and without a stack trace", async () => {
    const { code, output } = await stack.pulumi("preview");
    expect(code).not.toBe(0);
    expect(output).toContain("error: shop: worker reads API_URL: an Output was written into this text");
    expect(output).not.toContain("error serializing property");
    expect(output).not.toMatch(/^\s+at /m);
  });
});
