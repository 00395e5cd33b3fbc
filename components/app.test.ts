import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { at, resource } from "../engine/find.ts";
import { type Plan, Secret, type Value } from "../engine/plan.ts";
import { record } from "../engine/record.ts";
import { App, type AppArgs } from "./app.ts";
import { appSpec, envLists } from "./appspec.ts";

const APP = "digitalocean:index/app:App";

const github = { repo: "acme/shop", branch: "main", deployOnPush: true };
const health = { path: "/health", everySeconds: 10, timeoutSeconds: 5, failures: 3 };

function shop(over: Partial<AppArgs> = {}): AppArgs {
  return {
    appName: "shop",
    region: "nyc",
    components: {
      web: { kind: "site", github, outputDir: "dist", routes: ["/"], env: {} },
      api: {
        kind: "service",
        github,
        size: "apps-s-1vcpu-1gb",
        port: 8080,
        health,
        routes: ["/api"],
        env: {
          LOG_LEVEL: { value: "info", scope: "RUN_TIME" },
          SIGNING_KEY: { value: pulumi.secret("s3cr3t"), secret: true, scope: "RUN_TIME" },
          DATABASE_URL: { value: "postgresql://${db.USERNAME}:${db.PASSWORD}@host/db", scope: "RUN_TIME" },
        },
      },
    },
    ...over,
  };
}

async function planned(args: () => AppArgs): Promise<Plan> {
  return record(
    async () => {
      new App("shop", args());
    },
    { project: "p", stack: "s" },
  );
}

const specOf = (plan: Plan): Value => resource(plan, APP, "shop-app").inputs.spec as Value;

describe("App", () => {
  it("says the scope of every variable, and a type only where it is SECRET, so that no preview shows a change that is none", async () => {
    const spec = specOf(await planned(shop));
    expect(at(spec, "services[0].envs")).toEqual([
      { key: "DATABASE_URL", value: "postgresql://${db.USERNAME}:${db.PASSWORD}@host/db", scope: "RUN_TIME" },
      { key: "LOG_LEVEL", value: "info", scope: "RUN_TIME" },
      { key: "SIGNING_KEY", value: new Secret("s3cr3t"), scope: "RUN_TIME", type: "SECRET" },
    ]);
  });

  it("gives the same spec whatever the order in which components and variables are written", async () => {
    const turned = () => {
      const { components, ...rest } = shop();
      const reversed = Object.fromEntries(Object.entries(components).toReversed());
      const api = reversed.api!;
      return { ...rest, components: { ...reversed, api: { ...api, env: Object.fromEntries(Object.entries(api.env).toReversed()) } } };
    };
    expect(specOf(await planned(turned))).toEqual(specOf(await planned(shop)));
  });

  it("refuses a secret value that is not marked as one, and says which variable reads it", async () => {
    const leaky = () => {
      const args = shop();
      return {
        ...args,
        components: {
          ...args.components,
          api: { ...args.components.api!, env: { TOKEN: { value: pulumi.secret("x"), scope: "RUN_TIME" as const } } },
        },
      };
    };
    await expect(planned(leaky)).rejects.toThrow('shop: api reads TOKEN from a secret, but it is not marked as one. Add "secret: true"');
  });

  it.each<[what: string, kind: "worker" | "site", env: object, text: string]>([
    [
      "without a scope",
      "worker",
      { A: { value: "1" } },
      "components.it.env.A.scope is missing: without a scope every preview shows a change. Allowed: RUN_TIME",
    ],
    [
      "with the general scope of no variable",
      "worker",
      { A: { value: "1", scope: "GENERAL" } },
      'components.it.env.A.scope is "GENERAL": without a scope every preview shows a change. Allowed',
    ],
    [
      "that no shell can name",
      "worker",
      { "A-B": { value: "1", scope: "RUN_TIME" } },
      "components.it.env.A-B: a variable's name is letters",
    ],
    [
      "that is secret and built into a site",
      "site",
      { KEY: { value: "1", secret: true, scope: "BUILD_TIME" } },
      "components.it.env.KEY: it is secret, and a static site is built into files that anyone may read",
    ],
  ])("refuses a variable %s", async (_, kind, env, text) => {
    const it = {
      kind,
      github,
      size: "apps-s-1vcpu-1gb",
      outputDir: "dist",
      routes: ["/"],
      env,
    } as unknown as AppArgs["components"][string];
    await expect(planned(() => shop({ components: { it } }))).rejects.toThrow(`shop: ${text}`);
  });

  it("leads the longest path first, and lets a service see the path as it was asked", async () => {
    const spec = specOf(await planned(shop));
    expect(at(spec, "ingress.rules")).toEqual([
      { component: { name: "api", preservePathPrefix: true }, match: { path: { prefix: "/api" } } },
      { component: { name: "web", preservePathPrefix: false }, match: { path: { prefix: "/" } } },
    ]);
  });

  it("waits twenty minutes for a deployment", async () => {
    expect(resource(await planned(shop), APP, "shop-app").options.customTimeouts).toEqual({ create: "20m" });
  });

  it("never names a project, because a change of project would replace the app", async () => {
    expect(resource(await planned(shop), APP, "shop-app").inputs).not.toHaveProperty("projectId");
  });

  it("refuses a name that App Platform would refuse", async () => {
    const long = `a${"b".repeat(32)}`;
    await expect(planned(() => shop({ appName: long }))).rejects.toThrow(`shop: appName: "${long}" has 33 characters`);
    await expect(planned(() => shop({ appName: "Shop" }))).rejects.toThrow("App Platform allows 2 to 32");
  });

  it("refuses an app that deploys nothing", async () => {
    await expect(planned(() => shop({ components: {} }))).rejects.toThrow(
      "components: an app without a service, site, worker or job deploys nothing",
    );
  });
});

it("names each list of variables by its place in the spec, which is what ignoreChanges takes", () => {
  const from = { github: { repo: "acme/shop", branch: "main", deployOnPush: true } };
  const sized = { ...from, size: "apps-s-1vcpu-1gb", env: { A: { value: "x", scope: "RUN_TIME" } } } as const;
  const service = {
    ...sized,
    kind: "service",
    port: 80,
    health: { path: "/", everySeconds: 1, timeoutSeconds: 1, failures: 1 },
    routes: ["/"],
  } as const;
  const args: AppArgs = {
    appName: "shop",
    region: "nyc",
    components: {
      ...{ b: service, a: service, worker: { ...sized, kind: "worker" }, job: { ...sized, kind: "job", when: "PRE_DEPLOY" } },
      site: { ...from, kind: "site", outputDir: "dist", routes: ["/x"], env: {} },
    },
  };
  const spec = appSpec(args) as unknown as Record<string, { envs: unknown }[]>;
  const lists = envLists(args);
  expect(lists.map(({ path }) => path).sort()).toEqual([
    "spec.jobs[0].envs",
    "spec.services[0].envs",
    "spec.services[1].envs",
    "spec.staticSites[0].envs",
    "spec.workers[0].envs",
  ]);
  for (const { path, component, envs } of lists) {
    const [, kind = "", index = ""] = /^spec\.(\w+)\[(\d)\]/.exec(path) ?? [];
    expect(spec[kind]![Number(index)]).toMatchObject({ name: component });
    expect(spec[kind]![Number(index)]!.envs).toBe(envs);
  }
});
