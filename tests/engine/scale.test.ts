import { afterAll, beforeAll, expect, it } from "vitest";
import { query, removeHome } from "../../local/servers/testing/servers.ts";
import { describeWithPulumi } from "../pulumi.ts";
import { openRealBacking } from "./real-backing.ts";
import { type Stack, startStack } from "./stack.ts";

const config = {
  "slipway:environment": "local",
  "slipway:systems": ["fluxstudio", "devx"],
  "slipway:region": "nyc1",
  "slipway:protect": "true",
  "slipway:allowedSources": ["127.0.0.1"],
  "slipway:postgres": { layout: "shared", version: "15", size: "db-s-1vcpu-2gb", nodes: 1 },
};
const ADDED = "INSERT INTO users (email, name) VALUES ('ada@example.com', 'Ada')";

/** What docs/scale.md describes, with Pulumi's engine, the real provider, real servers, and clusters that take a while to change. */
describeWithPulumi("a stack that grows", (cli) => {
  const { home, backing } = openRealBacking();
  let stack: Stack;

  beforeAll(async () => {
    // Longer than a request, so that the provider sees a cluster that is not online.
    stack = await startStack(cli, config, { backing, timings: 3000 });
    await stack.succeed("up", "--yes", "--skip-preview");
    await read("shared-postgres-test", "fluxstudio", ADDED);
  });
  afterAll(async () => {
    await stack?.remove();
    await removeHome(home);
  });

  async function protect(isProtected: boolean): Promise<void> {
    await set("slipway:protect", String(isProtected));
    await stack.succeed("up", "--yes", "--skip-preview");
  }

  const set = (path: string, value: string) => stack.succeed("config", "set", "--path", path, value);

  interface Cluster {
    readonly id: string;
    readonly name: string;
    readonly size: string;
    readonly num_nodes: number;
    readonly db_names: readonly string[];
    readonly users: readonly { readonly name: string }[];
    readonly connection: { readonly port: number; readonly password: string };
  }

  const clusters = async () => ((await stack.get("/v2/databases")) as unknown as { databases: Cluster[] }).databases;

  async function read(name: string, database: string, sql: string): Promise<Record<string, unknown>[]> {
    const cluster = (await clusters()).find((one) => one.name === name)!;
    return await query(await stack.endpointOf(cluster), sql, { database, password: cluster.connection.password });
  }
  const users = (name: string) => read(name, "fluxstudio", "SELECT name FROM users");

  interface App {
    readonly live_url: string;
    readonly spec: { readonly name: string; readonly databases: readonly { readonly cluster_name: string; readonly db_name?: string }[] };
  }
  const fluxstudio = async () =>
    ((await stack.get("/v2/apps")) as unknown as { apps: App[] }).apps.find(({ spec }) => spec.name === "fluxstudio-test")!;

  it("gets a larger node, a standby and a replica in place: the cluster stays, with its rows, in a protected stack [C4]", async () => {
    const [{ id } = { id: "" }] = await clusters();
    await set("slipway:postgres.size", "db-s-2vcpu-4gb");
    await set("slipway:postgres.nodes", "2");
    await set("slipway:postgres.replicas[0].name", "read-1");
    const { steps } = JSON.parse(await stack.succeed("preview", "--json")) as { steps: readonly { op: string; urn: string }[] };
    const kindOf = (urn: string) => urn.split("::").at(-2)!.split(":").at(-1);
    const [changed, created] = ["update", "create"].map((op) => steps.filter((step) => step.op === op).map(({ urn }) => kindOf(urn)));
    expect(steps.map(({ op }) => op)).not.toContain("replace");
    expect(changed).toContain("DatabaseCluster");
    expect(created).toContain("DatabaseReplica");

    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await clusters()).toMatchObject([{ id, size: "db-s-2vcpu-4gb", num_nodes: 2 }]);
    expect((await stack.get(`/v2/databases/${id}/replicas`)).replicas).toMatchObject([
      { name: "shared-postgres-test-read-1", status: "online" },
    ]);
    expect(await users("shared-postgres-test")).toEqual([{ name: "Ada" }]);
    await stack.succeed("preview", "--expect-no-changes");
  });

  it("is split: a system moves to a fork of the shared cluster with all its rows, as docs/scale.md describes", async () => {
    // 1. No more writes to the database that moves.
    await read("shared-postgres-test", "defaultdb", "ALTER DATABASE fluxstudio SET default_transaction_read_only = on");
    await read("shared-postgres-test", "defaultdb", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'fluxstudio'");
    await expect(read("shared-postgres-test", "fluxstudio", ADDED)).rejects.toThrow("read-only transaction");
    // 2. A copy of the cluster.
    const time = new Date().toISOString().replace(/\.\d+/, "");
    const fork = ["--cluster", "shared-postgres-test", "--point-in-time", time, "--fork-name", "fluxstudio-postgres-test", "--yes"];
    const forked = await stack.slipway("backup", "fork", "--stack", "test", "--cwd", stack.program, ...fork);
    expect(forked.code, forked.output).toBe(0);
    const { id } = (await clusters()).find(({ name }) => name === "fluxstudio-postgres-test")!;
    // 3. Without what belongs to the others.
    await read("fluxstudio-postgres-test", "defaultdb", "ALTER DATABASE fluxstudio RESET default_transaction_read_only");
    await stack.delete(`/v2/databases/${id}/dbs/devxplatform`);
    // 4. The system uses it.
    await set("slipway:fluxstudio.postgres.adopt", id);
    await set("slipway:fluxstudio.postgres.keepShared", "true");
    const preview = JSON.parse(await stack.succeed("preview", "--json")) as { steps: readonly { op: string; urn: string }[] };
    expect(
      preview.steps.filter(({ op }) => op.includes("delete") || op.includes("replace")).map(({ urn }) => urn.split("::").at(-1)),
    ).toEqual([]);
    await stack.succeed("up", "--yes", "--skip-preview");

    expect((await fluxstudio()).spec.databases).toMatchObject([{ cluster_name: "fluxstudio-postgres-test" }]);
    expect((await fetch(`${(await fluxstudio()).live_url}/api/health`)).status).toBe(200);
    expect(await users("fluxstudio-postgres-test")).toEqual([{ name: "Ada" }]);
    await read("fluxstudio-postgres-test", "fluxstudio", ADDED.replaceAll(/ada/gi, "Grace"));
    expect(await users("shared-postgres-test")).toEqual([{ name: "Ada" }]);
    await stack.succeed("preview", "--expect-no-changes");

    const rotation = await stack.slipway("rotate", "status", "--stack", "test", "--system", "fluxstudio", "--cwd", stack.program);
    expect(rotation.output).toContain("fluxstudio_user");
  });

  it("keeps the old database until the setting goes, and then loses it only without protection", async () => {
    await stack.succeed("config", "rm", "--path", "slipway:fluxstudio.postgres.keepShared");
    const refused = await stack.pulumi("up", "--yes", "--skip-preview");
    expect(refused.code).not.toBe(0);
    expect(refused.output).toContain("protected");
    expect(await users("shared-postgres-test")).toEqual([{ name: "Ada" }]);
    await set("slipway:fluxstudio.postgres.keepShared", "true");
    await read("shared-postgres-test", "defaultdb", "ALTER DATABASE fluxstudio RESET default_transaction_read_only");
    await protect(false);
    await stack.succeed("config", "rm", "--path", "slipway:fluxstudio.postgres.keepShared");
    await stack.succeed("up", "--yes", "--skip-preview");
    await protect(true);
    const shared = (await clusters()).find(({ name }) => name === "shared-postgres-test")!;
    expect(shared.db_names).not.toContain("fluxstudio");
    expect(shared.users.map(({ name }) => name).filter((name) => name.startsWith("fluxstudio"))).toEqual([]);
    expect(await users("fluxstudio-postgres-test")).toHaveLength(2);
    await stack.succeed("preview", "--expect-no-changes");
  });
});
