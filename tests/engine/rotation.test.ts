import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { type Ran, REPOS, type Stack, startStack } from "./stack.ts";

const config = {
  ...REPOS,
  "slipway:environment": "local",
  "slipway:systems": ["candlefish"],
  "slipway:region": "nyc1",
  "slipway:protect": "true",
  "slipway:allowedSources": ["127.0.0.1"],
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 },
  "slipway:valkey": { layout: "single", version: "8" },
};

/** Pulumi's engine and the real provider, with a pool, a protected stack, and a real Postgres behind the API. */
describeWithPulumi("a rotation of a stack of Pulumi", (cli) => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config, { backing: { ...recordOnly, ...servers }, copied: ["sql"] });
    await succeed("up", "--yes", "--skip-preview");
  });
  afterAll(async () => {
    await stack?.remove();
    await removeHome(home);
  });

  async function succeed(...args: string[]): Promise<string> {
    const { code, output } = await stack.pulumi(...args);
    expect(code, output).toBe(0);
    return output;
  }
  const rotate = (...more: string[]): Promise<Ran> =>
    stack.slipway("rotate", "run", "--stack", "test", "--system", "candlefish", "--idle", "1", ...more);
  const credentials = () => parse(readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8")).config["slipway:candlefish"].credentials;
  const writes = (requests: readonly string[]) => requests.filter((request) => !request.startsWith("GET"));

  it("is refused while the program has changes that are not deployed, and changes nothing", async () => {
    await succeed("config", "set", "--path", "slipway:candlefish.connections.candlefish_collaboration", "9");
    const before = readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8");
    stack.requests();
    const { code, output } = await rotate();
    expect([code, output]).toEqual([1, expect.stringContaining("has changes that are not deployed, and a rotation would deploy them too")]);
    expect(writes(stack.requests())).toEqual([]);
    expect(readFileSync(join(stack.program, "Pulumi.test.yaml"), "utf8")).toBe(before);
    await succeed("config", "rm", "--path", "slipway:candlefish.connections");
  });

  it("switches the apps with an up, keeps the pool, and leaves a preview without a change", async () => {
    stack.requests();
    const { code, output } = await rotate();
    expect(code, output).toBe(0);
    expect(output).toContain("The old password of candlefish is refused at candlefish_collaboration, pool candlefish_collaboration.");
    const requests = writes(stack.requests());
    expect(requests.filter((request) => /^(DELETE|POST) .*\/pools/.test(request))).toEqual([]);
    expect(requests.filter((request) => /^PUT \/v2\/apps\//.test(request))).toHaveLength(3);
    expect(requests.filter((request) => request.endsWith("/users/candlefish/reset_auth 200"))).toHaveLength(1);
    expect(credentials()).toEqual({ runtime: { active: "b", since: new Date().toISOString().slice(0, 10) } });
    await succeed("preview", "--expect-no-changes");
    await succeed("refresh", "--yes");
    await succeed("preview", "--expect-no-changes");
  });

  it("goes back to the first user with the next rotation, without a change of the pool", async () => {
    stack.requests();
    const { code, output } = await rotate();
    expect(code, output).toBe(0);
    expect(writes(stack.requests()).filter((request) => request.includes("/pools"))).toEqual([]);
    expect(credentials().runtime.active).toBe("a");
    await succeed("preview", "--expect-no-changes");
  });

  it("of the owner lets later migrations run as the other user, whose objects belong to the owner", async () => {
    const { code, output } = await rotate("--role", "owner");
    expect(code, output).toBe(0);
    writeFileSync(join(stack.program, "sql", "candlefish", "900_notes.sql"), "CREATE TABLE rotation_notes (id int);\n");
    await succeed("up", "--yes", "--skip-preview");
    await succeed("preview", "--expect-no-changes");
    expect((await stack.slipway("drift", "--stack", "test", "--database")).output).toContain("the roles are as declared");
  });
});
