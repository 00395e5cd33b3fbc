import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listServerStatus } from "../../local/servers/status.ts";
import { fromAddress, query, removeHome, runCommand } from "../../local/servers/testing/servers.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { openRealBacking } from "./real-backing.ts";
import { type Stack, startStack } from "./stack.ts";

/** Clusters are polled every 15 seconds and apps every 10, by the provider. */
const config = {
  "slipway:environment": "local",
  "slipway:systems": ["fluxstudio", "devx", "candlefish"],
  "slipway:region": "nyc1",
  // As in production: what works here works in a protected stack.
  "slipway:protect": "true",
  "slipway:allowedSources": ["127.0.0.1"],
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-1vcpu-2gb", nodes: 1 },
  "slipway:valkey": { layout: "single", version: "8" },
};

/** Everything as in a cloud but the cloud: Pulumi's engine, the real provider, real servers, and a process for each service. */
describeWithPulumi("all three systems on real servers", (cli) => {
  const { home, apps, backing } = openRealBacking();
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack(cli, config, { backing, copied: ["index.ts", "systems", "sql", "keyspaces"] });
  });
  afterAll(async () => {
    await stack?.remove();
    await removeHome(home);
  });

  it("come up with every request answered and every service healthy, and the next preview has no change", async () => {
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(stack.requests().filter((request) => !/ 20\d$/.test(request))).toEqual([]);
    expect(await allApps()).toHaveLength(5);
    expect(await ill()).toEqual([]);
    expect(await read("devxplatform", "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname IN ('devx', 'templates')")).toEqual([
      { n: 9 },
    ]);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("take a change of size, pool, variable, firewall, migration and keyspace in one up, although they are protected", async () => {
    await stack.succeed("config", "set", "--path", "slipway:postgres.size", "db-s-2vcpu-4gb");
    await stack.succeed("config", "set", "--path", "slipway:candlefish.connections.candlefish_collaboration", "9");
    await stack.succeed("config", "set", "--path", "slipway:fluxstudio.phase", "P2");
    await stack.succeed("config", "set", "--path", "slipway:allowedSources[1]", "127.0.0.2");
    writeFileSync(join(stack.program, "sql/devx/004_notes.sql"), "CREATE TABLE devx.notes (id uuid PRIMARY KEY);\n");
    writeFileSync(join(stack.program, "sql/devx/004_notes.down.sql"), "DROP TABLE devx.notes;\n");
    const pattern = "  - { pattern: plan:<name>, type: hash, ttl: none, owner: rtpm, purpose: What a plan allows }\n";
    edit("keyspaces/candlefish/userData.yaml", "keys:\n", `seed:\n  - { key: plan:free, hash: { documents: "3" } }\nkeys:\n${pattern}`);

    await stack.succeed("up", "--yes", "--skip-preview");
    expect(stack.requests().filter((request) => !/ 20\d$/.test(request))).toEqual([]);

    const { id, size } = await cluster("pg");
    expect(size).toBe("db-s-2vcpu-4gb");
    const { pool } = (await stack.get(`/v2/databases/${id}/pools/candlefish_collaboration`)) as { pool: { size: number } };
    expect(pool.size).toBe(9);
    expect(await read("devxplatform", "SELECT count(*)::int AS n FROM devx.notes")).toEqual([{ n: 0 }]);
    expect(await valkey("2", "HGETALL", "plan:free")).toEqual(["documents", "3"]);
    expect(await envOf("fluxstudio-test", "DUAL_WRITE_ENABLED")).toBe("true");
    expect(await ill()).toEqual([]);
    expect(await read("defaultdb", "SELECT 1 AS one", "127.0.0.2")).toEqual([{ one: 1 }]);
    await expect(read("defaultdb", "SELECT 1 AS one", "127.0.0.3")).rejects.toThrow("no pg_hba.conf entry");
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("take another name for a role in an up without protection, and are protected again after it", async () => {
    await protect(false);
    edit("systems/devx.ts", 'readonly: "devx_readonly"', 'readonly: "devx_reader"');
    await protect(true);
    const { users } = await cluster("pg");
    expect(users.map(({ name }) => name).filter((name) => /^devx_read/.test(name))).toEqual(["devx_reader"]);
    expect(await ill()).toEqual([]);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("show no drift in a refresh, once it has noted the ciphertext of secret variables", async () => {
    await stack.succeed("refresh", "--yes");
    await stack.succeed("refresh", "--yes", "--expect-no-changes");
  });

  it("leave nothing behind when they are destroyed: no object, no server, no process", async () => {
    await protect(false);
    await stack.succeed("destroy", "--yes");
    for (const [path, key] of Object.entries({
      vpcs: "vpcs",
      databases: "databases",
      apps: "apps",
      "uptime/checks": "checks",
      "monitoring/alerts": "policies",
    }))
      expect((await stack.get(`/v2/${path}`))[key], path).toEqual([]);
    expect((await stack.get("/v2/projects")).projects).toHaveLength(1);
    expect(listServerStatus(home.state)).toEqual([]);
    expect(apps.status()).toEqual([]);
  });

  async function protect(isProtected: boolean): Promise<void> {
    await stack.succeed("config", "set", "slipway:protect", String(isProtected));
    await stack.succeed("up", "--yes", "--skip-preview");
  }

  interface Cluster {
    readonly id: string;
    readonly engine: string;
    readonly size: string;
    readonly users: readonly { readonly name: string }[];
    readonly connection: { readonly port: number; readonly password: string };
  }

  async function cluster(engine: string): Promise<Cluster> {
    const { databases } = (await stack.get("/v2/databases")) as unknown as { databases: Cluster[] };
    return databases.find((one) => one.engine === engine)!;
  }

  async function read(database: string, sql: string, from = "127.0.0.1") {
    const pg = await cluster("pg");
    return query(await stack.endpointOf(pg), sql, { database, password: pg.connection.password, ...fromAddress(from) });
  }

  async function valkey(database: string, ...words: string[]) {
    const store = await cluster("valkey");
    return runCommand(await stack.endpointOf(store), words, { password: store.connection.password, db: Number(database) });
  }

  interface App {
    readonly live_url: string;
    readonly spec: {
      readonly name: string;
      readonly services: readonly {
        readonly health_check: { readonly http_path: string };
        readonly envs: readonly { readonly key: string; readonly value: string }[];
      }[];
    };
  }

  const allApps = async () => ((await stack.get("/v2/apps")) as unknown as { apps: App[] }).apps;

  /** The apps that do not answer their health check as they should. */
  async function ill(): Promise<string[]> {
    const asked = (await allApps()).map(async ({ live_url, spec: { name, services } }) => {
      const { status } = await fetch(`${live_url}${services[0]!.health_check.http_path}`);
      return status === 200 ? [] : [`${name}: ${status}`];
    });
    return (await Promise.all(asked)).flat();
  }

  async function envOf(app: string, key: string): Promise<string | undefined> {
    const found = (await allApps()).find(({ spec }) => spec.name === app);
    return found?.spec.services.flatMap(({ envs }) => envs).find((env) => env.key === key)?.value;
  }

  function edit(path: string, from: string, to: string): void {
    const file = join(stack.program, path);
    const text = readFileSync(file, "utf8");
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
  }
});
