import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { findPostgresClients } from "../../backup/postgres/clients.ts";
import { runProgram } from "../../backup/postgres/programs.ts";
import { type Api, startApi } from "../../local/api/server.ts";
import { allClusters, type Cluster } from "../../local/cloud/databases/cluster.ts";
import { createCluster } from "../../local/cloud/databases/clusters.ts";
import { type Cloud, openCloud } from "../../local/cloud/open-cloud.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { openServers } from "../../local/servers/backing.ts";
import { fromAddress, query, removeHome, temporaryHome } from "../../local/servers/testing/servers.ts";
import { slipway } from "../testing/slipway.ts";

const TOKEN = "a-token-for-tests";
const home = temporaryHome();
let cloud: Cloud;
let api: Api;
let now = Date.now() - 2 * 86_400_000;

const find = (name: string): Cluster => allClusters(cloud).find((one) => one.name === name)!;
const run = (name: string, sql: string, { admin, endpoint } = find(name)) =>
  query(endpoint, sql, { password: admin.password, database: "shop" });
const count = async (name: string) => (await run(name, "SELECT count(*)::int AS n FROM orders"))[0]!.n;
const connectionOf = (name: string) => {
  const { admin, endpoint } = find(name);
  return { url: `postgresql://doadmin:${admin.password}@localhost:${endpoint.port}/shop`, ca: endpoint.ca };
};

/** A cluster of two days on a Postgres of this machine, which accepts connections from 127.0.0.1 only. */
beforeAll(async () => {
  const backing = { ...recordOnly, ...openServers({ home, fsync: false }) };
  cloud = await openCloud({ directory: join(home.state, "cloud"), backing, now: () => now });
  api = await startApi({ cloud, token: TOKEN });
  const size = { version: "17", region: "nyc1", size: "db-s-1vcpu-1gb", num_nodes: 1 };
  const { id } = await createCluster(cloud, { ...size, name: "shop", engine: "pg", rules: [{ type: "ip_addr", value: "127.0.0.1" }] });
  await cloud.idle();
  now = Date.now();
  await cloud.backing.createDatabase(id, "shop");
  await run("shop", "CREATE TABLE orders AS SELECT n, 'order ' || n AS text FROM generate_series(1, 1000) AS n");
  vi.stubEnv("DIGITALOCEAN_TOKEN", TOKEN);
  vi.stubEnv("DIGITALOCEAN_API_URL", api.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await api?.close();
  await cloud?.close();
  await removeHome(home);
});

// The local servers copy the state of now: they keep no write-ahead log, so they cannot return to an earlier time.
describe("a fork on real servers", () => {
  it("has the rows of its source, accepts no other addresses, and gives rows of one table back to the source", async () => {
    const time = new Date(now - 60_000).toISOString();
    const { code, stdout, stderr } = await slipway([
      "backup",
      "fork",
      "--cluster",
      "shop",
      "--point-in-time",
      time,
      "--fork-name",
      "shop-before",
      "--yes",
      "--timeout",
      "2",
    ]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("Requesting shop-before")]);
    expect(stdout).toContain(`address      localhost:${find("shop-before").endpoint.port}, user doadmin`);

    await run("shop", "DELETE FROM orders WHERE n > 10");
    expect([await count("shop"), await count("shop-before")]).toEqual([10, 1000]);

    const { admin, endpoint } = find("shop-before");
    const elsewhere = query(endpoint, "SELECT 1", { password: admin.password, database: "shop", ...fromAddress("127.0.0.2") });
    await expect(elsewhere).rejects.toThrow(/pg_hba\.conf/);

    await run("shop", "DELETE FROM orders");
    const clients = await findPostgresClients(17, home);
    const dump = runProgram(clients, "pg_dump", {
      connection: connectionOf("shop-before"),
      args: ["--data-only", "--table=public.orders"],
      purpose: "The dump",
    });
    const load = runProgram(clients, "psql", {
      connection: connectionOf("shop"),
      args: ["--quiet", "--set=ON_ERROR_STOP=1"],
      input: "pipe",
      purpose: "The copy",
    });
    dump.child.stdout!.pipe(load.child.stdin!);
    load.child.stdout!.resume();
    await Promise.all([dump.finished, load.finished]);
    expect(await run("shop", "SELECT count(*)::int AS n, sum(n)::int AS sum FROM orders")).toEqual([{ n: 1000, sum: 500_500 }]);
  });
});
