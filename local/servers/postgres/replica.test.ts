import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../cloud/backing.ts";
import { openServers, type ServerBacking } from "../backing.ts";
import { stopServers } from "../status.ts";
import { postgresCluster, query, queryAsSuperuser, removeHome, temporaryHome } from "../testing/servers.ts";

const PRIMARY = postgresCluster("primary", { databases: ["defaultdb", "flux"], config: { max_connections: 60 } });
const REPLICA = postgresCluster("replica-1", { databases: [], replicaOf: "primary" });
const home = temporaryHome();
let servers: ServerBacking;
let primary: Endpoint;
let replica: Endpoint;

beforeAll(async () => {
  servers = openServers({ home, fsync: false });
  primary = await servers.startCluster(PRIMARY);
  await query(primary, "CREATE TABLE t AS SELECT generate_series(1, 500) AS n", { database: "flux" });
  replica = await servers.startCluster(REPLICA);
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
});

const count = (endpoint: Endpoint, more = {}) =>
  query(endpoint, "SELECT count(*)::int AS n FROM t", { database: "flux", ...more }).then(
    ([row]) => row!.n,
    (error: Error) => error.message,
  );
const slots = async () =>
  (await queryAsSuperuser(home, primary, "primary", "SELECT slot_name FROM pg_replication_slots")).map((row) => row.slot_name);

describe("a read-only replica", () => {
  it("has its primary's data, receives changes, and refuses writes", async () => {
    expect(await count(replica)).toBe(500);
    await query(primary, "INSERT INTO t VALUES (501)", { database: "flux" });
    await expect.poll(() => count(replica)).toBe(501);
    await expect(query(replica, "INSERT INTO t VALUES (1)", { database: "flux" })).rejects.toThrow("read-only transaction");
  });

  it("catches up after both were stopped, also if its primary has another port", async () => {
    await stopServers(home.state);
    primary = await servers.startCluster(PRIMARY);
    await query(primary, "INSERT INTO t VALUES (502)", { database: "flux" });
    replica = await servers.startCluster(REPLICA);
    await expect.poll(() => count(replica)).toBe(502);
    expect(await slots()).toEqual(["replica_replica_1"]);
  });

  it("accepts writes once promoted, and has no slot on its former primary", async () => {
    replica = await servers.startCluster(postgresCluster("replica-1", { databases: ["defaultdb", "flux"] }));
    await query(replica, "INSERT INTO t VALUES (503)", { database: "flux" });
    expect([await count(replica), await count(primary)]).toEqual([503, 502]);
    expect(await slots()).toEqual([]);
  });

  it("has no slot on its primary after it is removed", async () => {
    await servers.startCluster({ ...REPLICA, id: "replica-2" });
    expect(await slots()).toEqual(["replica_replica_2"]);
    await servers.removeCluster("replica-2");
    expect(await slots()).toEqual([]);
  });
});

describe("a fork", () => {
  it("starts with a copy of another cluster's data and has its own administrator password", async () => {
    const admin = { name: "doadmin", password: "AVNS_fork", replication: false };
    const fork = await servers.startCluster(postgresCluster("fork", { databases: ["defaultdb", "flux"], forkOf: "primary", admin }));
    const own = { password: "AVNS_fork" };
    expect(await count(fork, own)).toBe(502);
    await query(fork, "DELETE FROM t", { database: "flux", ...own });
    expect([await count(fork, own), await count(primary)]).toEqual([0, 502]);
    expect(await count(fork)).toMatch(/password authentication failed/);
  });
});
