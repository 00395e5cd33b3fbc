import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { resource } from "../engine/find.ts";
import { type Plan, Secret } from "../engine/plan.ts";
import { record } from "../engine/record.ts";
import { App, type AppArgs } from "./app.ts";
import { EnvMemory } from "./quiet.ts";

const github = { repo: "acme/shop", branch: "main", deployOnPush: true };
const health = { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 };

class Thing extends pulumi.CustomResource {}

interface Shop {
  key?: pulumi.Input<string>;
  logLevel?: string;
  region?: string;
  /** A second service whose name sorts before `api` and so takes its place in the spec. */
  before?: boolean;
}

function shop({ key = pulumi.secret("first"), logLevel = "info", region = "nyc", before = false }: Shop): AppArgs {
  const service = (env: AppArgs["components"][string]["env"]) => ({
    kind: "service" as const,
    github,
    size: "apps-s-1vcpu-1gb",
    port: 80,
    health,
    routes: ["/"],
    env,
  });
  return {
    appName: "shop",
    region,
    components: {
      api: service({ SIGNING_KEY: { value: key, secret: true, scope: "RUN_TIME" }, LOG_LEVEL: { value: logLevel, scope: "RUN_TIME" } }),
      worker: { kind: "worker", github, size: "apps-s-1vcpu-1gb", env: { MODE: { value: "fast", scope: "RUN_TIME" } } },
      ...(before ? { admin: service({ OWN: { value: "1", scope: "RUN_TIME" } }) } : {}),
    },
  };
}

/** One `up`: what the program exports is what the next run finds in its own stack. */
async function run(wanted: Shop, last?: Plan): Promise<Plan> {
  const remembered = last === undefined ? {} : { stackReferences: { "organization/p/s": last.outputs } };
  return record(
    async () => {
      const memory = await EnvMemory.recall();
      const args = shop(wanted);
      new App("shop", { ...args, quiet: await memory.unchanged("shop", args) });
      return { envFingerprints: memory.output };
    },
    { project: "p", stack: "s", ...remembered },
  );
}

const ignored = (plan: Plan) => resource(plan, "digitalocean:index/app:App", "shop-app").options.ignoreChanges ?? [];

describe("quiet secrets", () => {
  it("ignores nothing on a first run, when there is nothing to remember", async () => {
    expect(ignored(await run({}))).toEqual([]);
  });

  it("ignores every variable list that equals the one the last run sent", async () => {
    expect(ignored(await run({}, await run({})))).toEqual(["spec.services[0].envs", "spec.workers[0].envs"]);
  });

  it("lets a rotated secret through, and is quiet again on the run after it", async () => {
    const rotated = await run({ key: pulumi.secret("second") }, await run({}));
    expect(ignored(rotated)).toEqual(["spec.workers[0].envs"]);
    expect(ignored(await run({ key: pulumi.secret("second") }, rotated))).toEqual(["spec.services[0].envs", "spec.workers[0].envs"]);
  });

  it("lets a changed plain value through", async () => {
    expect(ignored(await run({ logLevel: "debug" }, await run({})))).toEqual(["spec.workers[0].envs"]);
  });

  it("lets a list through whose place in the spec is another's now: what is ignored is ignored by place", async () => {
    expect(ignored(await run({ before: true }, await run({})))).toEqual(["spec.workers[0].envs"]);
  });

  it("lets everything through when the region, and so the app, is another", async () => {
    expect(ignored(await run({ region: "fra" }, await run({})))).toEqual([]);
  });

  it("lets a list through that is not known before the update, and does not wait for it", async () => {
    const unknown = () =>
      record(
        async () => {
          const memory = await EnvMemory.recall();
          const { id } = new Thing("test:index:Thing", "thing", {});
          const args = shop({ key: pulumi.secret(id) });
          new App("shop", { ...args, quiet: await memory.unchanged("shop", args) });
        },
        { project: "p", stack: "s" },
      );
    expect(ignored(await unknown())).toEqual([]);
  });

  it("remembers in a secret output, and nothing in it can be read back", async () => {
    const plan = await run({});
    const memory = plan.outputs.envFingerprints;
    expect(memory).toBeInstanceOf(Secret);
    expect(JSON.stringify((memory as Secret).value)).not.toContain("first");
  });

  it("takes a memory of another shape for none", async () => {
    const odd = { outputs: { envFingerprints: [1, 2] } } as unknown as Plan;
    expect(ignored(await run({}, odd))).toEqual([]);
  });
});
