import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { isRunning } from "../processes.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { REPOS, type Stack, startStack } from "./stack.ts";

const STACK_TRACE = /^\s+at .*[.:]\d+|UNAVAILABLE|CANCELLED/m;

describeWithPulumi("an up that meets a name that exists", (cli) => {
  const config = {
    ...REPOS,
    "slipway:environment": "staging",
    "slipway:systems": ["devx"],
    "slipway:region": "nyc1",
    "slipway:postDeploy": { mode: "manual" },
    "slipway:postgres": { layout: "dedicated", version: "15", size: "db-s-2vcpu-4gb", nodes: 1 },
    "slipway:backups": { enabled: false },
  };
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config);
    await stack.post("/v2/databases", {
      name: "devx-postgres-test",
      engine: "pg",
      version: "15",
      region: "nyc1",
      size: "db-s-2vcpu-4gb",
      num_nodes: 1,
    });
  });
  afterAll(() => stack?.remove());

  it("prints the cause and the command that adopts what exists, once and without a stack trace", async () => {
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code).not.toBe(0);
    const [, diagnostics = ""] = output.split("Diagnostics:");
    expect(diagnostics).toContain("422");
    expect(diagnostics).toContain("cluster name is not available");
    expect(diagnostics.match(/npx slipway recover -s test$/gm)).toHaveLength(1);
    expect(output).not.toMatch(STACK_TRACE);
  });

  it("prints no command for any other failure", async () => {
    await stack.pulumi("config", "set", "--path", "slipway:systems[0]", "candlefish");
    await stack.pulumi("config", "set", "digitalocean:token", "wrong");
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code).not.toBe(0);
    expect(output).toContain("401");
    expect(output).not.toContain("slipway recover");
    expect(output).not.toMatch(STACK_TRACE);
  });
});

describeWithPulumi("an up that is interrupted while a migration runs", (cli) => {
  const config = {
    "slipway:environment": "local",
    "slipway:systems": ["devx"],
    "slipway:region": "nyc1",
    "slipway:allowedSources": ["127.0.0.1"],
    "slipway:postgres": { layout: "shared", version: "15", size: "db-s-1vcpu-1gb", nodes: 1 },
  };
  const home = temporaryHome();
  const servers = openServers({ home, fsync: false });
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config, { backing: { ...recordOnly, ...servers }, copied: ["sql"] });
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code, output).toBe(0);
  });
  afterAll(async () => {
    await stack?.remove();
    await removeHome(home);
  });

  const slow = () => join(stack.program, "sql", "devx", "004_slow.sql");

  it("leaves no provider behind when the CLI is killed: the statement is cancelled, its file rolled back, and the next up goes on", async () => {
    writeFileSync(slow(), "CREATE TABLE devx.slow (provider int);\nSELECT pg_sleep(300);\n");
    const up = stack.start("up", "--yes", "--skip-preview");
    await expect.poll(activeQueries, { timeout: 120_000 }).toEqual([expect.stringContaining("pg_sleep")]);
    const provider = findDescendant(up.process.pid!, /dynamic-provider/);
    up.process.kill("SIGKILL");
    await up.ended;
    await expect.poll(() => isRunning(provider), { timeout: 15_000 }).toBe(false);
    await expect.poll(activeQueries, { timeout: 5000 }).toEqual([]);
    expect(await read("SELECT to_regclass('devx.slow') AS name")).toEqual([{ name: null }]);

    await stack.pulumi("cancel", "--yes");
    writeFileSync(slow(), "CREATE TABLE devx.slow (provider int);\n");
    const { code, output } = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(code, output).toBe(0);
    expect(await read("SELECT to_regclass('devx.slow')::text AS name")).toEqual([{ name: "devx.slow" }]);
    rmSync(slow());
  });

  async function read(sql: string) {
    const { databases } = (await stack.get("/v2/databases")) as unknown as { databases: Cluster[] };
    const cluster = databases.find(({ engine }) => engine === "pg")!;
    return query(await stack.endpointOf(cluster), sql, { database: "devxplatform", password: cluster.connection.password });
  }

  const activeQueries = async () =>
    (await read("SELECT query FROM pg_stat_activity WHERE state = 'active' AND usename = 'devx_owner'")).map((row) => row.query);
});

interface Cluster {
  readonly id: string;
  readonly engine: string;
  readonly connection: { readonly port: number; readonly password: string };
}

/** The process id of a process that this one started, or one of its children. */
function findDescendant(pid: number, command: RegExp): number {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" })
    .split("\n")
    .flatMap((line) => {
      const [, id, parent, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return id === undefined ? [] : [{ id: Number(id), parent: Number(parent), args }];
    });
  const family = new Set([pid]);
  // A parent may be listed after its child.
  for (let size = 0; size < family.size; ) {
    size = family.size;
    for (const { id, parent } of rows) if (family.has(parent)) family.add(id);
  }
  // A shell starts the provider and has the same words in its command.
  return rows.findLast(({ id, args }) => family.has(id) && command.test(args))!.id;
}
