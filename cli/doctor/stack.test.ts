import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createCluster, POSTGRES, startTestApi, type TestApi, TOKEN } from "../../local/api/testing/api.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { connectionTo } from "../../postdeploy/connect/temporary-database.ts";
import { applyRoles } from "../../postdeploy/roles/index.ts";
import { systems } from "../../systems/index.ts";
import { root, slipway } from "../testing/slipway.ts";

const { name: system, postgres } = systems.find(({ stores }) => Object.keys(stores).length === 0) ?? systems[0]!;

describe("slipway doctor --stack, over the API of the account", () => {
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  const folder = mkdtempSync(join(tmpdir(), "slipway doctor stack "));
  let api: TestApi;
  let cluster: string;

  /** It ends with its test. */
  async function startAccount(): Promise<void> {
    api = await startTestApi({ backing: { ...recordOnly, ...servers } });
    cpSync(join(root, "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
    writeFileSync(join(folder, "index.ts"), "");
    writeFileSync(
      join(folder, "Pulumi.qa.yaml"),
      `config:\n  digitalocean:apiEndpoint: ${api.api.url}\n  digitalocean:token: ${TOKEN}\n  slipway:environment: staging\n`,
    );
  }
  afterAll(async () => {
    await servers.close();
    await removeHome(home);
    rmSync(folder, { recursive: true, force: true });
  });

  async function doctor(...flags: string[]) {
    process.chdir(folder);
    const ended = await slipway(["doctor", "--stack", "qa", "--system", system, ...flags]);
    process.chdir(root);
    return ended;
  }
  const findings = async () =>
    JSON.parse((await doctor("--json")).stdout).examinations.flatMap((one: { findings: readonly object[] }) => one.findings);

  it("refuses a system that is not deployed there", async () => {
    await startAccount();
    expect(await doctor()).toEqual({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(new RegExp(`^The account of stack qa has no database of ${system}\\.`)),
    });
  });

  it("examines the database as the administrator, and finds a firewall without a rule and one that is open", async () => {
    await startAccount();
    cluster = await createCluster(api, POSTGRES);
    await expect.poll(async () => (await api.call("GET", `/v2/databases/${cluster}`)).body.database.status).toBe("online");
    for (const name of Object.values(postgres.roles)) await api.call("POST", `/v2/databases/${cluster}/users`, { name });
    await api.call("POST", `/v2/databases/${cluster}/dbs`, { name: postgres.database });
    const { body } = await api.call("GET", `/v2/databases/${cluster}`);
    const authority = await api.call("GET", `/v2/databases/${cluster}/ca`);
    const ca = Buffer.from(authority.body.ca.certificate, "base64").toString();
    const { host, port, user, password } = body.database.connection;
    const admin = { url: `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/defaultdb`, ca };
    await applyRoles({ ...postgres, connection: connectionTo(admin, postgres.database) });

    expect(await findings()).toMatchObject([
      {
        id: "firewall-open",
        severity: "error",
        evidence: "The list is empty, so every address can connect: only the password protects the cluster.",
        next: { command: expect.stringContaining(`doctl databases firewalls append ${cluster} --rule ip_addr:`) },
      },
    ]);

    await api.call("PUT", `/v2/databases/${cluster}/firewall`, {
      rules: [
        { type: "ip_addr", value: "127.0.0.1" },
        { type: "ip_addr", value: "0.0.0.0/0" },
      ],
    });
    const [open, ...others] = await findings();
    expect(others).toEqual([]);
    expect(open).toMatchObject({ id: "firewall-open", evidence: "It opens the database to the whole internet." });
    const [, uuid] = /^doctl databases firewalls remove \S+ --uuid (\S+)$/.exec(open.next.command) ?? [];
    const { body: list } = await api.call("GET", `/v2/databases/${cluster}/firewall`);

    // As doctl removes a rule.
    await api.call("PUT", `/v2/databases/${cluster}/firewall`, {
      rules: list.rules
        .filter((rule: { uuid: string }) => rule.uuid !== uuid)
        .map(({ type, value }: { type: string; value: string }) => ({ type, value })),
    });
    const { code, stdout } = await doctor();
    expect([code, stdout]).toEqual([0, expect.stringMatching(/\n0 findings\.$/)]);
    expect(stdout).toMatch(new RegExp(`^${system}/postgres {2}doadmin@\\S+/${postgres.database}\n {2}server`));
    expect(stdout).not.toContain(password);
  });
});
