import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { openApps } from "../../local/apps/apps.ts";
import { addPrograms } from "../../local/apps/programs.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { flagsOf, type Phase } from "../../settings/settings.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { REPOS, type Stack, startStack } from "./stack.ts";

const REFERENCE = fileURLToPath(new URL("../../local/apps/reference/main.ts", import.meta.url));
const SETTINGS = { ...REPOS["slipway:fluxstudio"], features: ["uploads"] };

const config = {
  ...REPOS,
  "slipway:environment": "local",
  "slipway:systems": ["fluxstudio"],
  "slipway:region": "nyc1",
  "slipway:allowedSources": ["127.0.0.1"],
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 },
  "slipway:valkey": { layout: "single", version: "8" },
  "slipway:fluxstudio": { ...SETTINGS, phase: "P0" },
};

interface Apps {
  readonly apps: readonly {
    readonly spec: { readonly services: readonly { readonly envs: readonly { readonly key: string; readonly value?: string }[] }[] };
    readonly live_url: string;
  }[];
}

/** Pulumi's engine and the real provider, a real Postgres, and a service that follows the flags in its environment. */
describeWithPulumi("a change of phase of a stack of Pulumi", (cli) => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  const apps = openApps({ state: home.state, report: () => {} });
  let stack: Stack;

  beforeAll(async () => {
    addPrograms(home.state, { "fluxstudio-test/api": REFERENCE });
    stack = await startStack(cli, config, { backing: { ...recordOnly, ...servers, ...apps }, spaces: true });
    await stack.succeed("up", "--yes", "--skip-preview");
  });
  afterAll(async () => {
    await stack?.remove();
    await apps.close();
    await removeHome(home);
  });

  const stackFile = () => readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8");
  const setting = () => parse(stackFile()).config["slipway:fluxstudio"];
  const phase = (...args: string[]) => stack.slipway("phase", ...args, "--stack", "test", "--system", "fluxstudio", "--wait", "30s");
  const writes = () => stack.requests().filter((request) => !request.startsWith("GET"));
  async function expectPhase(expected: Phase): Promise<void> {
    const { usePostgres, dualWrite } = flagsOf(expected, "local");
    const [app] = ((await stack.get("/v2/apps")) as unknown as Apps).apps;
    const env = Object.fromEntries(app!.spec.services[0]!.envs.map(({ key, value }) => [key, value]));
    expect([env.USE_POSTGRES, env.USE_DATABASE, env.DUAL_WRITE_ENABLED]).toEqual([usePostgres, usePostgres, dualWrite].map(String));
    expect(await (await fetch(`${app!.live_url}/api/health`)).json()).toMatchObject({ phase: { usePostgres, dualWrite } });
  }

  it("is refused while the program has changes that are not deployed, and changes nothing", async () => {
    await expectPhase("P0");
    const before = stackFile();
    const document = parse(before);
    document.config["slipway:allowedSources"].push("192.0.2.1");
    writeFileSync(join(stack.program, "Pulumi.test.yaml"), stringify(document, { version: "1.1" }));
    const changed = stackFile();
    stack.requests();
    const { code, output } = await phase("next");
    expect([code, output]).toEqual([
      1,
      expect.stringContaining(
        "has changes that are not deployed, and a change of phase would deploy them too. Nothing was changed. Deploy them first: pulumi up -s test",
      ),
    ]);
    expect(writes()).toEqual([]);
    expect(stackFile()).toBe(changed);
    writeFileSync(join(stack.program, "Pulumi.test.yaml"), before);
  });

  it("updates the app once with an up, is reported by the app, and leaves a preview without a change", async () => {
    stack.requests();
    const { code, output } = await phase("next");
    expect(code, output).toBe(0);
    expect(output).toContain("FluxStudio is in phase P1, writes both, reads JSON");
    expect(writes().filter((request) => /^(PUT|POST) \/v2\/apps/.test(request))).toHaveLength(1);
    expect(setting()).toEqual({ ...SETTINGS, phase: "P1", phaseSince: expect.any(String) });
    await expectPhase("P1");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is refused while a gate is closed, sends nothing, and goes back with one command", async () => {
    stack.requests();
    const refused = await phase("next");
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringContaining("validations: 0 of 3 validations without a difference since"),
    ]);
    expect(writes()).toEqual([]);
    const { code, output } = await phase("back");
    expect(code, output).toBe(0);
    await expectPhase("P0");
    await stack.succeed("preview", "--expect-no-changes");
  });
});
