import { afterAll, beforeAll, expect, it } from "vitest";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { type Stack, startStack } from "./stack.ts";

/** An app is polled every 10 seconds by the provider. */
/** One app, its memory, something that has nothing to do with it, and something after it that can be made to fail. */
const index = `
import * as pulumi from "@pulumi/pulumi";
import { RandomId } from "@pulumi/random/randomId.js";
import { App } from "./components/app.ts";
import { EnvMemory } from "./components/quiet.ts";

export default async function program() {
  const config = new pulumi.Config("slipway");
  const memory = await EnvMemory.recall();
  const source = { repo: "acme/shop", branch: "main", deployOnPush: true };
  const args = {
    appName: "shop",
    region: "nyc",
    components: {
      worker: {
        kind: "worker",
        github: source,
        size: "apps-s-1vcpu-1gb",
        env: { KEY: { value: config.requireSecret("key"), secret: true, scope: "RUN_TIME" } },
      },
    },
  };
  if (config.getBoolean("earlier")) return earlier(args);
  const app = new App("shop", { ...args, quiet: await memory.compare("shop", args) });
  new RandomId("other", { byteLength: 4 });
  new RandomId("after", { byteLength: Number(config.get("bytes") ?? 4) }, { dependsOn: app });
  return { sentVariables: memory.output };
}

/** As an earlier slipway deployed it, whose token was a random id. */
function earlier(args) {
  new RandomId("shop-variables", { byteLength: 16, keepers: { variables: pulumi.secret("earlier") } });
  new App("shop", { ...args, quiet: { unchanged: [], mark: "earlier", versions: new Map(), follow() {} } });
  return { sentVariables: pulumi.secret({ shop: { mark: "earlier", variables: "earlier" } }) };
}
`;

const urn = (type: string, name: string) => `urn:pulumi:test::slipway::${type}::${name}`;
const OTHER = urn("random:index/randomId:RandomId", "other");
const TOKEN = urn("pulumi-nodejs:dynamic/slipway:SentVariables", "shop-variables");
const APP = urn("slipway:index:App$digitalocean:index/app:App", "shop-app");

describeWithPulumi("what an app was sent", (cli) => {
  let stack: Stack;
  let healthy = true;
  /** What the last deployment was started with, as its container would read it. */
  let deployed: string | undefined;

  beforeAll(async () => {
    const backing = {
      ...recordOnly,
      deployApp: async (...[_, components]: Parameters<typeof recordOnly.deployApp>) => {
        deployed = components[0]?.env.KEY;
        return healthy ? { ok: true as const } : { ok: false as const, component: "worker", message: "exited with 1" };
      },
    };
    stack = await startStack(cli, {}, { backing, index });
    await turn("first-key");
    await stack.succeed("config", "set", "slipway:earlier", "true");
    await stack.succeed("up", "--yes", "--skip-preview");
    await stack.succeed("config", "rm", "slipway:earlier");
  });
  afterAll(() => stack?.remove());

  async function fail(...args: string[]): Promise<void> {
    const { code, output } = await stack.pulumi(...args);
    expect(code, output).not.toBe(0);
  }
  const turn = (key: string) => stack.succeed("config", "set", "--secret", "slipway:key", key);

  it("is sent once more by the first run after the random id of an earlier slipway, which is deleted", async () => {
    deployed = undefined;
    expect(await stack.succeed("preview")).toMatch(/- +random:index:RandomId shop-variables delete/);
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(deployed).toBe("first-key");
    expect(await stack.succeed("stack", "export")).not.toContain("RandomId::shop-variables");
  });

  it("is silent afterwards, with the ciphertext of a refresh in the state too", async () => {
    await stack.succeed("preview", "--expect-no-changes");
    await stack.succeed("refresh", "--yes");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is not what a run with another target wanted: the next one shows it and sends it [C8]", async () => {
    await turn("second-key");
    await stack.succeed("up", "--yes", "--skip-preview", "--target", OTHER);
    await stack.succeed("up", "--yes", "--skip-preview", "--target", TOKEN);
    await stack.succeed("up", "--yes", "--skip-preview", "--exclude", APP);
    expect(deployed).toBe("first-key");
    expect(await stack.succeed("preview")).toMatch(/~ +digitalocean:index:App shop-app update/);
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(deployed).toBe("second-key");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is not changed by a run that targets the app alone, which reports that; with its token among the targets it is", async () => {
    await turn("third-key");
    const said = await stack.succeed("up", "--yes", "--skip-preview", "--target", APP);
    expect(said).toContain("shop: its variables have changed and are not sent, because shop-variables is no target of this run.");
    expect(deployed).toBe("second-key");
    await stack.succeed("up", "--yes", "--skip-preview", "--target", APP, "--target", TOKEN);
    expect(deployed).toBe("third-key");
    await turn("second-key");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(deployed).toBe("second-key");
  });

  it("is not what DigitalOcean refused: the next run sends it, although the provider takes it for sent", async () => {
    const { apps } = (await stack.get("/v2/apps")) as { apps: { id: string }[] };
    const app = `/v2/apps/${apps[0]!.id}`;
    const { deployments } = (await stack.get(`${app}/deployments`)) as { deployments: { id: string }[] };
    // While it is rolled back, an app takes no other spec.
    await stack.post(`${app}/rollback`, { deployment_id: deployments.at(-1)!.id });
    await turn("refused-key");
    await fail("up", "--yes", "--skip-preview");
    await stack.post(`${app}/rollback/revert`, {});
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(deployed).toBe("refused-key");
    await stack.succeed("preview", "--expect-no-changes");
    await turn("second-key");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(deployed).toBe("second-key");
  });

  it("is not what a failed deployment was given: the next run sends it, and going back sends what was before", async () => {
    healthy = false;
    await turn("bad-key");
    await fail("up", "--yes", "--skip-preview");
    healthy = true;
    await turn("second-key");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(deployed).toBe("second-key");

    healthy = false;
    await turn("fourth-key");
    await fail("up", "--yes", "--skip-preview");
    healthy = true;
    deployed = undefined;
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(deployed).toBe("fourth-key");
    await stack.succeed("refresh", "--yes");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("may be gone back from when the run failed at something else", async () => {
    await turn("fifth-key");
    await stack.succeed("config", "set", "slipway:bytes", "0");
    await fail("up", "--yes", "--skip-preview");
    expect(deployed).toBe("fifth-key");
    await stack.succeed("config", "rm", "slipway:bytes");
    await turn("fourth-key");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(deployed).toBe("fourth-key");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is in neither the state nor the outputs, and the stack can be destroyed", async () => {
    expect(await stack.succeed("stack", "output")).toMatch(/sentVariables +\[secret\]/);
    expect(await stack.succeed("stack", "export")).not.toMatch(/(first|second|third|bad|refused|fourth|fifth)-key/);
    await stack.succeed("destroy", "--yes");
    expect((await stack.get("/v2/apps")).apps).toEqual([]);
  });
});
