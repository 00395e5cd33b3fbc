import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeWithPulumi } from "../pulumi.ts";
import { REPOS, type Stack, startStack } from "./stack.ts";

const config = {
  ...REPOS,
  "slipway:environment": "staging",
  "slipway:systems": ["fluxstudio"],
  "slipway:region": "nyc1",
  "slipway:protect": "false",
  "slipway:postDeploy": { mode: "manual" },
  "slipway:backups": { enabled: false },
  "slipway:postgres": { layout: "dedicated", version: "15", size: "db-s-1vcpu-2gb", nodes: 1 },
};

interface Step {
  readonly op: string;
  readonly urn: string;
}

/** As docs/deploy.md describes: a cluster with FluxStudio's database and login in it, and none of the roles that this package adds. */
describeWithPulumi("a product's cluster that was created by hand", (cli) => {
  let stack: Stack;
  let id: string;
  let vpc: string;

  beforeAll(async () => {
    stack = await startStack(cli, config);
    await stack.post("/v2/vpcs", { name: "made-by-hand", region: "nyc1", ip_range: "10.77.0.0/20" });
    const { vpcs } = (await stack.get("/v2/vpcs")) as { vpcs: { id: string; ip_range: string }[] };
    vpc = vpcs.find(({ ip_range }) => ip_range === "10.77.0.0/20")!.id;
    const cluster = { name: "made-by-hand", engine: "pg", version: "15", region: "nyc1", size: "db-s-1vcpu-2gb", num_nodes: 1 };
    await stack.post("/v2/databases", { ...cluster, private_network_uuid: vpc });
    const { databases } = (await stack.get("/v2/databases")) as { databases: { id: string }[] };
    id = databases[0]!.id;
    const status = async () => ((await stack.get(`/v2/databases/${id}`)).database as { status: string }).status;
    await vi.waitFor(async () => expect(await status()).toBe("online"), { timeout: 60_000 });
    await stack.post(`/v2/databases/${id}/dbs`, { name: "fluxstudio" });
    await stack.post(`/v2/databases/${id}/users`, { name: "fluxstudio_user" });
  });
  afterAll(() => stack?.remove());

  const say = (path: string, value: string) => stack.succeed("config", "set", "--path", `slipway:fluxstudio.postgres.${path}`, value);

  it("is taken over by its id and by what is in it; what is not there is made, and nothing is replaced [F3]", async () => {
    await stack.succeed("config", "set", "slipway:vpc", vpc);
    await say("adopt", id);
    await say("adoptOnly.databases[0]", "fluxstudio");
    await say("adoptOnly.users[0]", "fluxstudio_user");
    const { steps } = JSON.parse(await stack.succeed("preview", "--json")) as { steps: readonly Step[] };
    const done = (name: string) => steps.filter(({ urn }) => urn.endsWith(`::fluxstudio-postgres-test-${name}`)).map(({ op }) => op);
    expect(done("cluster")).toContain("import");
    expect(done("db-fluxstudio")).toEqual(["import"]);
    expect(done("user-fluxstudio_user")).toEqual(["import"]);
    expect(done("user-fluxstudio_owner")).toEqual(["create"]);
    expect(steps.map(({ op }) => op)).not.toContain("replace");

    await stack.succeed("up", "--yes", "--skip-preview");
    expect((await stack.get("/v2/databases")).databases).toMatchObject([{ id, name: "made-by-hand" }]);
    const { apps } = (await stack.get("/v2/apps")) as { apps: { spec: { vpc: { id: string } } }[] };
    expect(apps.map(({ spec }) => spec.vpc.id)).toEqual([vpc]);
    expect((await stack.get(`/v2/databases/${id}/firewall`)).rules).toMatchObject([{ type: "ip_addr", value: "10.77.0.0/20" }]);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is not destroyed with the stack, also where nothing else is protected, and the next up repairs the rest", async () => {
    const before = await namesInCluster();
    for (const more of [[], ["--skip-preview"], ["--skip-preview", "--continue-on-error"]]) {
      stack.requests();
      const { code, output } = await stack.pulumi("destroy", "--yes", ...more);
      expect(code).not.toBe(0);
      expect(output).toContain("because it is protected");
      expect(stack.requests().filter((request) => /^(DELETE|PUT) .v2.databases/.test(request))).toEqual([]);
      expect(await namesInCluster()).toEqual(before);
    }
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(stack.requests().filter((request) => !/ (20\d|404)$/.test(request))).toEqual([]);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is released with everything in it, as docs/deploy.md describes", async () => {
    stack.requests();
    await stack.succeed("destroy", "--yes", "--exclude-protected");
    await stack.succeed("stack", "rm", "test", "--yes", "--force", "--preserve-config");
    expect(stack.requests().filter((request) => /^(DELETE|PUT|POST) .v2.databases/.test(request))).toEqual([]);
    expect((await stack.get("/v2/apps")).apps).toEqual([]);
    expect((await stack.get("/v2/databases")).databases).toMatchObject([{ id, db_names: expect.arrayContaining(["fluxstudio"]) }]);
  });

  async function namesInCluster(): Promise<readonly string[]> {
    const { deployment } = JSON.parse(await stack.succeed("stack", "export")) as { deployment: { resources: readonly { urn: string }[] } };
    return deployment.resources.map(({ urn }) => urn.split("::").at(-1)!).filter((name) => name.startsWith("fluxstudio-postgres-test"));
  }
});
