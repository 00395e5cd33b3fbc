import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../cloud/backing.ts";
import { openServers, type ServerBacking } from "../backing.ts";
import { listServerStatus } from "../status.ts";
import { fromAddress, postgresCluster, query, removeHome, temporaryHome } from "../testing/servers.ts";

const APP = { name: "flux-runtime", password: "AVNS_app", replication: false };
const OTHER = { name: "other-user", password: "AVNS_other", replication: false };
const POOL = { name: "flux-pool", mode: "transaction", size: 2, database: "flux", user: APP };
const home = temporaryHome();
let servers: ServerBacking;
let endpoint: Endpoint;

beforeAll(async () => {
  servers = openServers({ home, fsync: false });
  endpoint = await servers.startCluster(
    postgresCluster("pooled", { databases: ["defaultdb", "flux"], users: [APP, OTHER], pools: [POOL] }),
  );
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
});

const throughPool = (sql: string, options: object = {}) =>
  query(endpoint, sql, { port: endpoint.poolPort, database: "flux-pool", user: APP.name, password: APP.password, ...options });

/** PgBouncer rejects the login. Its message differs between versions (1.18: "login rejected"), its severity and code do not. */
async function expectRefusal(attempt: Promise<unknown>): Promise<void> {
  await expect(attempt).rejects.toBeInstanceOf(pg.DatabaseError);
  await expect(attempt).rejects.toMatchObject({ severity: "FATAL", code: "08P01" });
}

describe("a pool", () => {
  it("connects its user to its database, with TLS on both connections", async () => {
    const [row] = await throughPool(
      "SELECT current_user AS who, current_database() AS what, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS ssl",
    );
    expect(row).toEqual({ who: "flux-runtime", what: "flux", ssl: true });
    const settings = readFileSync(join(home.state, "servers", "pooled", "pgbouncer", "pgbouncer.ini"), "utf8");
    expect(settings).toContain("server_tls_sslmode = verify-full");
  });

  it("refuses a connection without TLS, a wrong password, and another user", async () => {
    await expectRefusal(throughPool("SELECT 1", { ssl: false }));
    await expectRefusal(throughPool("SELECT 1", { password: "guess" }));
    await expectRefusal(throughPool("SELECT 1", { user: OTHER.name, password: OTHER.password }));
  });

  it("opens no more server connections than its size for any number of clients", async () => {
    const pids = await Promise.all(Array.from({ length: 20 }, () => throughPool("SELECT pg_backend_pid() AS pid, pg_sleep(0.01)")));
    expect(new Set(pids.map(([row]) => row!.pid)).size).toBeLessThanOrEqual(POOL.size);
  });

  it("without a user accepts every user who can log in to Postgres", async () => {
    await servers.setPool("pooled", { name: "open", mode: "session", size: 1, database: "defaultdb" });
    for (const { name: user, password } of [APP, OTHER]) {
      expect(await throughPool("SELECT current_user AS who", { database: "open", user, password })).toEqual([{ who: user }]);
    }
    await expectRefusal(throughPool("SELECT 1", { database: "open", password: "guess" }));
  });

  it("uses a changed password at once", async () => {
    await servers.setPassword("pooled", { ...APP, password: "AVNS_changed" });
    await expectRefusal(throughPool("SELECT 1"));
    expect(await throughPool("SELECT 1 AS one", { password: "AVNS_changed" })).toEqual([{ one: 1 }]);
    await servers.setPassword("pooled", APP);
    expect(await throughPool("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("applies the cluster's firewall, and works for allowed addresses where this machine is not allowed", async () => {
    await servers.setFirewall("pooled", [{ type: "ip_addr", value: "127.0.0.2" }]);
    await expectRefusal(throughPool("SELECT 1"));
    expect(await throughPool("SELECT 1 AS one", fromAddress("127.0.0.2"))).toEqual([{ one: 1 }]);
    await servers.setFirewall("pooled", []);
    expect(await throughPool("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("can change its mode or be removed while other pools keep working", async () => {
    await servers.setPool("pooled", { ...POOL, mode: "session", size: 1 });
    expect(await throughPool("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await servers.removePool("pooled", "open");
    await expectRefusal(throughPool("SELECT 1", { database: "open" }));
    expect(await throughPool("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("cannot add a line to a configuration, neither by its names nor by its fields", async () => {
    await expect(servers.setPool("pooled", { ...POOL, name: "a = host=evil\n*" })).rejects.toThrow("cannot be used in a pool");
    await expect(servers.setPool("pooled", { ...POOL, user: { ...APP, name: 'x" "y' } })).rejects.toThrow("cannot be used in a pool");
    const pgbouncer = { ignore_startup_parameters: ["search_path\nauth_type = any"] };
    await expect(servers.configure("pooled", { pgbouncer })).rejects.toThrow("contains a line break");
    expect(await throughPool("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("stops PgBouncer when the last pool is removed, and starts it on the same port for the next one", async () => {
    await servers.removePool("pooled", POOL.name);
    await expect(throughPool("SELECT 1")).rejects.toThrow("ECONNREFUSED");
    expect(listServerStatus(home.state).map(({ kind }) => kind)).toEqual(["postgres"]);
    await servers.setPool("pooled", POOL);
    expect(await throughPool("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});
