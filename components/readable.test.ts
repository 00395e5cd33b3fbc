import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { resource } from "../engine/find.ts";
import { record } from "../engine/record.ts";
import { App, type AppArgs } from "./app.ts";

const github = { repo: "acme/shop", branch: "main", deployOnPush: true };
const versions = new Map([["worker SIGNING_KEY", 3]]);
const quiet = { unchanged: [], mark: "mark", versions, follow: () => {} };

class Thing extends pulumi.CustomResource {}

type Variables = AppArgs["components"][string]["env"];

const textOf = async (env: Variables, more: Partial<AppArgs> = {}) => (await textsOf(env, more)).components.worker;

async function textsOf(env: Variables, more: Partial<AppArgs>): Promise<{ app: string; components: { worker: string } }> {
  const plan = await record(
    async () => {
      const worker = { kind: "worker" as const, github, size: "apps-s-1vcpu-1gb", env };
      new App("shop", { appName: "shop", region: "nyc", components: { worker }, ...more });
    },
    { project: "p", stack: "s" },
  );
  return resource(plan, "slipway:index:App", "shop").inputs as { app: string; components: { worker: string } };
}

describe("the inputs of an app's component", () => {
  it("state each fact on a line, sorted variables last", async () => {
    const text = await textOf({ B: { value: "2", scope: "RUN_TIME" }, A: { value: "one\ntwo", scope: "BUILD_TIME" } });
    expect(text.split("\n")).toEqual([
      ...["worker", "repository acme/shop", "branch main, deployed on push", "size apps-s-1vcpu-1gb", "instances 1"],
      ...["A (BUILD_TIME)=one\\ntwo", "B=2"],
    ]);
  });

  it("hold the version of a secret and never its value, also if another argument is given a secret by mistake", async () => {
    const key = { value: pulumi.secret("sk_live_1"), secret: true, scope: "RUN_TIME" } as const;
    expect(await textOf({ SIGNING_KEY: key }, { quiet })).toMatch(/\nSIGNING_KEY=secret, version 3$/);
    expect(await textOf({ SIGNING_KEY: key })).toMatch(/\nSIGNING_KEY=secret$/);
    expect(await textOf({ SIGNING_KEY: { ...key, value: "sk_live_1" } })).not.toContain("sk_live");
    expect((await textsOf({}, { vpc: pulumi.secret("sk_live_1") })).app).toMatch(/\nnetwork secret$/);
  });

  it("state a value that is not known yet as such, and the other lines as they are", async () => {
    const { id } = await new Promise<{ id: pulumi.Output<string> }>((resolve) => {
      void record(async () => resolve(new Thing("test:index:Thing", "thing", {})), { project: "p", stack: "s" });
    });
    const text = await textOf({ HOST: { value: id, scope: "RUN_TIME" }, LOG_LEVEL: { value: "info", scope: "RUN_TIME" } });
    expect(text).toContain("HOST=known after the update\nLOG_LEVEL=info");
  });
});
