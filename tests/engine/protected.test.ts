import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithPulumi } from "../pulumi.ts";
import { REPOS, type Stack, startStack } from "./stack.ts";

/** As production, but without buckets, which need a Spaces endpoint, and without post-deploy steps, which need servers: three-systems.test.ts has those. */
const config = {
  ...REPOS,
  "slipway:environment": "staging",
  "slipway:region": "nyc1",
  "slipway:protect": "true",
  "slipway:alertEmails": ["oncall@acme.dev"],
  "slipway:postDeploy": { mode: "manual" },
  "slipway:postgres": { layout: "dedicated", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 },
  "slipway:valkey": { layout: "split", version: "8" },
  "slipway:backups": { enabled: false },
};

describeWithPulumi("a protected stack", (cli) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config);
    await up();
  });
  afterAll(() => stack?.remove());

  const up = () => stack.succeed("up", "--yes", "--skip-preview");
  const set = (path: string, value: string) => stack.succeed("config", "set", "--path", `slipway:${path}`, value);
  const deletions = () => stack.requests().filter((request) => request.startsWith("DELETE"));

  async function resources() {
    const { deployment } = JSON.parse(await stack.succeed("stack", "export")) as { deployment: { resources: readonly StateResource[] } };
    return deployment.resources;
  }

  /** The URN and the id of everything in the state but Pulumi's built-in provider, which reads the last outputs and has no resource. */
  async function state(): Promise<readonly string[]> {
    const all = (await resources()).filter(({ type }) => type !== "pulumi:providers:pulumi");
    return all.map(({ urn, id = "" }) => `${urn} ${id}`).toSorted();
  }

  async function urnOf(name: string): Promise<string> {
    const urns = (await state()).map((entry) => entry.split(" ")[0]!);
    return urns.find((urn) => urn.endsWith(`::${name}`))!;
  }

  it("takes rotated secrets, another size, variable, source and pool in one up, and deletes only the old pool [C8]", async () => {
    const before = await state();
    stack.requests();
    await set("rotated", "2026-11-01");
    await set("postgres.size", "db-s-4vcpu-8gb");
    await set('fluxstudio.connections["api/DB_POOL_MAX"]', "20");
    await set("allowedSources[0]", "198.18.0.7");
    await set("candlefish.connections.candlefish_collaboration", "9");
    await up();
    expect(deletions()).toEqual([expect.stringMatching(/\/pools\/candlefish_collaboration 204$/)]);
    expect((await state()).length).toBe(before.length);
    await stack.succeed("preview", "--expect-no-changes");
  });

  describe.each([
    { flags: [] },
    { flags: ["--skip-preview"] },
    { flags: ["--skip-preview", "--continue-on-error"] },
    { flags: ["--skip-preview", "--refresh"] },
    { flags: ["--skip-preview", "--run-program"] },
  ])("pulumi destroy $flags", ({ flags }) => {
    it("fails and deletes nothing", async () => {
      const { code, output } = await destroy(...flags);
      expect(code).not.toBe(0);
      expect(output).toContain("because it is protected");
    });
  });

  describe.each([{ flags: [] }, { flags: ["--skip-preview", "--continue-on-error"] }])(
    "pulumi destroy --exclude-protected $flags",
    ({ flags }) => {
      it("deletes nothing", async () => {
        const { code, output } = await destroy("--exclude-protected", ...flags);
        expect(code, output).toBe(0);
      });
    },
  );

  describe.each([
    { target: "a pool", name: "candlefish-postgres-test-pool-candlefish_collaboration" },
    { target: "a generated secret", name: "candlefish-secrets-generated-jwtSecret" },
    { target: "an alert", name: "fluxstudio-monitoring-test-api-down" },
    { target: "a login", name: "devx-postgres-test-user-devx" },
    { target: "an app", name: "devx-devx-app" },
  ])("pulumi destroy --target $target", ({ name }) => {
    it.each([{ flags: [] }, { flags: ["--target-dependents"] }, { flags: ["--target-dependents", "--continue-on-error"] }])(
      "fails and deletes nothing with $flags",
      async ({ flags }) => {
        const { code, output } = await destroy("--skip-preview", "--target", await urnOf(name), ...flags);
        expect(code, output).not.toBe(0);
      },
    );
  });

  it("deletes none of the unprotected resources as targets, of whatever type they are", async () => {
    const unprotected = (await resources()).filter(
      ({ custom, protect = false, type }) => custom && !protect && !type.startsWith("pulumi:p"),
    );
    const oneOfEach = [...new Map(unprotected.map(({ type, urn }) => [type, urn])).values()];
    expect(oneOfEach.length).toBeGreaterThanOrEqual(2);
    for (const urn of oneOfEach) {
      const { code, output } = await destroy("--skip-preview", "--target", urn, "--target-dependents", "--continue-on-error");
      expect(code, output).not.toBe(0);
    }
  });

  async function destroy(...flags: string[]) {
    const before = await state();
    stack.requests();
    const ran = await stack.pulumi("destroy", "--yes", ...flags);
    expect(deletions()).toEqual([]);
    expect(await state()).toEqual(before);
    return ran;
  }

  it("refuses in the preview to drop a product, drops it in an up without protection, and takes it back protected", async () => {
    await set("systems[0]", "fluxstudio");
    await set("systems[1]", "candlefish");
    stack.requests();
    const { code, output } = await stack.pulumi("up", "--yes");
    expect(code).not.toBe(0);
    expect(output).toContain("because it is protected");
    expect(deletions()).toEqual([]);

    await stack.succeed("config", "rm", "slipway:systems");
    await set("protect", "false");
    await up();
    await set("systems[0]", "fluxstudio");
    await set("systems[1]", "candlefish");
    await set("protect", "true");
    await up();
    expect((await stack.get("/v2/apps")).apps).toHaveLength(4);

    await stack.succeed("config", "rm", "slipway:systems");
    await up();
    expect((await stack.get("/v2/apps")).apps).toHaveLength(5);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is destroyed after one setting and one up, and leaves nothing behind", async () => {
    await set("protect", "false");
    await up();
    await stack.succeed("destroy", "--yes");
    for (const [path, key] of [
      ["vpcs", "vpcs"],
      ["databases", "databases"],
      ["apps", "apps"],
      ["uptime/checks", "checks"],
      ["monitoring/alerts", "policies"],
    ] as const)
      expect((await stack.get(`/v2/${path}`))[key], path).toEqual([]);
  });
});

interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly custom?: boolean;
  readonly protect?: boolean;
}
