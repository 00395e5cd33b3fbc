import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { resource } from "../engine/find.ts";
import { mask, stableJson } from "../engine/mask.ts";
import { type Plan, type PlannedResource, Secret } from "../engine/plan.ts";
import { type Program, record } from "../engine/record.ts";
import { App, type AppArgs } from "./app.ts";
import { EnvMemory } from "./quiet.ts";

const github = { repo: "acme/shop", branch: "main", deployOnPush: true };
const health = { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 };

class Thing extends pulumi.CustomResource {}

interface Shop {
  key?: pulumi.Input<string>;
  logLevel?: string;
  region?: string;
  appName?: string;
  /** A second service whose name sorts before `api` and so takes its place in the spec. */
  before?: boolean;
}

function shop({ key = pulumi.secret("first"), logLevel = "info", region = "nyc", appName = "shop", before = false }: Shop): AppArgs {
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
    appName,
    region,
    components: {
      api: service({ SIGNING_KEY: { value: key, secret: true, scope: "RUN_TIME" }, LOG_LEVEL: { value: logLevel, scope: "RUN_TIME" } }),
      worker: { kind: "worker", github, size: "apps-s-1vcpu-1gb", env: { MODE: { value: "fast", scope: "RUN_TIME" } } },
      ...(before ? { admin: service({ OWN: { value: "1", scope: "RUN_TIME" } }) } : {}),
    },
  };
}

/** A stack between its runs: what Pulumi keeps of the token, the app and the outputs. */
class Stack {
  said: readonly string[] = [];
  #variables: PlannedResource["inputs"][string] = "";
  #tokens = 0;
  #app: PlannedResource["inputs"] = {};
  #outputs: Plan["outputs"] = {};

  /** One run that ends well. @param leftOut Whether the app is no target of it; the same for its token. */
  async up(wanted: Shop, { leftOut = false, tokenLeftOut = false } = {}): Promise<readonly string[]> {
    const plan = await record(program(wanted), {
      ...{ project: "p", stack: "s", preview: false },
      stackReferences: { "organization/p/s": this.#outputs },
      outputs: ({ type, inputs }) =>
        type === APP ? (leftOut ? this.#app : inputs) : type === TOKEN ? this.#token(inputs, tokenLeftOut) : {},
    });
    if (!leftOut) this.#app = resource(plan, APP, "shop-app").inputs;
    this.#outputs = plan.outputs;
    this.said = plan.messages.map(({ text }) => text);
    return ignored(plan);
  }

  get memory(): unknown {
    return this.#outputs.sentVariables;
  }

  /** As after a run that wrote down nothing of what it did. */
  forgetting(outputs: Plan["outputs"]): void {
    this.#outputs = outputs;
  }

  get outputs(): Plan["outputs"] {
    return this.#outputs;
  }

  #token({ variables = "" }: PlannedResource["inputs"], leftOut: boolean): Record<string, unknown> {
    if (!leftOut && JSON.stringify(variables) !== JSON.stringify(this.#variables)) {
      this.#tokens++;
      this.#variables = variables;
    }
    return { token: `token ${this.#tokens}`, variables: this.#variables };
  }
}

function program(wanted: Shop): Program {
  return async () => {
    const memory = await EnvMemory.recall();
    const args = shop(wanted);
    new App("shop", { ...args, quiet: await memory.compare("shop", args) });
    return { sentVariables: memory.output };
  };
}

const APP = "digitalocean:index/app:App";
const TOKEN = "pulumi-nodejs:dynamic/slipway:SentVariables";
const ALL = ["spec.services[0].envs", "spec.workers[0].envs"];
const ignored = (plan: Plan) => resource(plan, APP, "shop-app").options.ignoreChanges ?? [];

describe("quiet secrets", () => {
  it("ignore nothing on a first run, when there is nothing to remember", async () => {
    expect(await new Stack().up({})).toEqual([]);
  });

  it("ignore every variable list of an app that was sent the same before", async () => {
    const stack = new Stack();
    await stack.up({});
    expect(await stack.up({})).toEqual(ALL);
    expect(await stack.up({})).toEqual(ALL);
  });

  it.each<[what: string, changed: Shop]>([
    ["a rotated secret", { key: pulumi.secret("second") }],
    ["a changed plain value", { logLevel: "debug" }],
    ["a list whose place in the spec is another's now", { before: true }],
    ["everything when the region, and so the app, is another", { region: "fra" }],
    ["everything when the app has another name", { appName: "store" }],
  ])("let %s through, and are quiet again on the run after it", async (_, changed) => {
    const stack = new Stack();
    await stack.up({});
    expect(await stack.up(changed)).toEqual([]);
    expect(await stack.up(changed)).not.toEqual([]);
  });

  it("do not take for sent what an app that was left out was not sent", async () => {
    const stack = new Stack();
    await stack.up({});
    await stack.up({ logLevel: "debug" }, { leftOut: true });
    expect(await stack.up({ logLevel: "debug" })).toEqual([]);
  });

  it("send no other variables in a run that leaves the token out, say so, and let them through in the next", async () => {
    const stack = new Stack();
    await stack.up({});
    const before = stack.memory;
    expect(await stack.up({ logLevel: "debug" }, { tokenLeftOut: true })).toEqual(ALL);
    expect(stack.said.join()).toContain(
      "shop: its variables have changed and are not sent, because shop-variables is no target of this run.",
    );
    expect(stack.memory).toEqual(before);
    expect(await stack.up({ logLevel: "debug" })).toEqual([]);
    expect(stack.said).toEqual([]);
  });

  it("let former variables through after a run that sent others and could not write it down", async () => {
    const stack = new Stack();
    await stack.up({});
    const before = stack.outputs;
    await stack.up({ logLevel: "debug" });
    stack.forgetting(before);
    expect(await stack.up({})).toEqual([]);
  });

  it("write a new mark for each run that sends, because the provider records variables as sent when sending fails, and for no other run", async () => {
    const stack = new Stack();
    const marks = new Set<unknown>();
    const up = async () => {
      await stack.up({});
      marks.add(JSON.stringify(stack.memory));
    };
    await up();
    await up();
    expect(marks.size).toBe(1);
    stack.forgetting({});
    await up();
    expect(marks.size).toBe(2);
  });

  it("let a list through that is not known before the update, and do not wait for it; the plan is the same twice", async () => {
    const unknown = () =>
      record(
        async () => {
          const { id } = new Thing("test:index:Thing", "thing", {});
          return program({ key: pulumi.secret(id) })();
        },
        { project: "p", stack: "s" },
      );
    const plan = await unknown();
    expect(ignored(plan)).toEqual([]);
    expect(stableJson(mask(plan))).toBe(stableJson(mask(await unknown())));
  });

  it("count the versions of a secret: another value is the next one, another plain variable is none", async () => {
    const stack = new Stack();
    const version = () => (stack.memory as Secret).value as unknown as { shop: { secrets: Record<string, { version: number }> } };
    await stack.up({});
    await stack.up({ logLevel: "debug" });
    expect(version().shop.secrets["api SIGNING_KEY"]?.version).toBe(1);
    await stack.up({ key: pulumi.secret("second") });
    expect(version().shop.secrets["api SIGNING_KEY"]?.version).toBe(2);
    await stack.up({ key: pulumi.secret("second") });
    expect(version().shop.secrets["api SIGNING_KEY"]?.version).toBe(2);
    expect(Object.keys(version().shop.secrets)).toEqual(["api SIGNING_KEY"]);
  });

  it("add the versions to the record of an earlier slipway, which has none, and send nothing for it", async () => {
    const stack = new Stack();
    await stack.up({});
    const { shop } = (stack.memory as Secret).value as unknown as { shop: Record<string, never> };
    const { secrets: _, ...earlier } = shop;
    stack.forgetting({ sentVariables: new Secret({ shop: earlier }) });
    expect(await stack.up({})).toEqual(ALL);
    expect((stack.memory as Secret).value).toMatchObject({ shop: { ...earlier, secrets: { "api SIGNING_KEY": { version: 1 } } } });
  });

  it("remember in a secret output, and nothing in it can be read back", async () => {
    const stack = new Stack();
    await stack.up({});
    expect(stack.memory).toBeInstanceOf(Secret);
    expect(JSON.stringify((stack.memory as Secret).value)).not.toContain("first");
  });

  it.each<[what: string, damage: (shop: Record<string, unknown>) => unknown]>([
    ["a mark that is no text", (shop) => ({ shop: { ...shop, mark: 1 } })],
    ["a hash that is no text", (shop) => ({ shop: { ...shop, variables: 1 } })],
    ["no list of secrets", (shop) => ({ shop: { ...shop, secrets: null } })],
    ["a secret without a hash", (shop) => ({ shop: { ...shop, secrets: { "api SIGNING_KEY": { hash: 1, version: 1 } } } })],
    ["another app's entry that is no record", (shop) => ({ shop, other: "a word" })],
  ])("take a memory with %s for none", async (_, damage) => {
    const stack = new Stack();
    await stack.up({});
    const { shop } = (stack.memory as Secret).value as unknown as { shop: Record<string, unknown> };
    stack.forgetting({ sentVariables: new Secret(damage(shop) as never) });
    expect(await stack.up({})).toEqual([]);
  });

  it("remember an app that has its variables, and none that failed", async () => {
    const remembered = async (specOf: (mark: unknown) => Promise<unknown>) => {
      const plan = await record(
        async () => {
          const memory = await EnvMemory.recall();
          const { follow, mark } = await memory.compare("shop", shop({}));
          const spec = specOf(mark);
          follow({ spec: { isKnown: spec.then(() => true), promise: () => spec } } as never);
          return { sentVariables: memory.output };
        },
        {
          ...{ project: "p", stack: "s", preview: false },
          outputs: ({ type, inputs }) => (type === TOKEN ? { token: "token", variables: inputs.variables } : {}),
        },
      );
      return Object.keys((plan.outputs.sentVariables as Secret).value as object);
    };
    expect(await remembered(async (mark) => ({ mark }))).toEqual(["shop"]);
    expect(await remembered(async () => ({ mark: "another" }))).toEqual([]);
    expect(await remembered(() => Promise.reject(new Error("The app failed.")))).toEqual([]);
  });

  it.each([[[1, 2]], [{ shop: "a word" }], [{ shop: { mark: 1 } }]])("take a memory of another shape, %j, for none", async (odd) => {
    const stack = new Stack();
    stack.forgetting({ sentVariables: odd as never });
    expect(await stack.up({})).toEqual([]);
  });
});
