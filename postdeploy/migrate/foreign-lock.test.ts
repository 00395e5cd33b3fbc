/** What a login with the password of another role than the owner role can do to a migration run by holding locks. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { applyRoles } from "../roles/index.ts";
import type { Progress } from "./run/progress.ts";
import { status } from "./status.ts";
import { failure } from "./testing/failure.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";
import { startProxy } from "./testing/proxy.ts";
import { startServer, type TestServer } from "./testing/server.ts";
import { up } from "./up.ts";

const roles = { owner: "shop_owner", runtime: "shop", readonly: "shop_readonly", backup: "shop_backup" } as const;
const OTHERS = [roles.runtime, roles.readonly, roles.backup];

describe.each([15, 18] as const)("on Postgres %s", (major) => {
  let server: TestServer;
  let databases = 0;
  const sessions: pg.Client[] = [];
  beforeAll(async () => {
    server = await startServer({ major });
    await server.sql("CREATE ROLE doadmin LOGIN CREATEROLE CREATEDB");
    for (const role of [...Object.values(roles), "deployer"])
      await server.sql(`CREATE ROLE ${role} LOGIN; GRANT ${role} TO doadmin WITH ADMIN OPTION`);
  });
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((client) => client.end()));
  });
  afterAll(async () => {
    await server.stop();
    cleanFolders();
  });

  async function open(user: string, database: string, sql = "", name = "intruder"): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: server.url(database, user), application_name: name });
    client.on("error", () => {});
    sessions.push(client);
    await client.connect();
    if (sql !== "") await client.query(sql);
    return client;
  }

  /** A database after the roles step, with one migration. */
  async function deployed(files: Record<string, string> = { "001_a.sql": "CREATE TABLE a (id int);" }) {
    const database = `shop_${++databases}`;
    await server.sql(`CREATE DATABASE ${database} OWNER doadmin`);
    const grant = () =>
      applyRoles({
        connection: { url: server.url(database, "doadmin") },
        ...{ database, roles, schemas: ["public"], extensions: [], statementTimeoutSeconds: 30 },
      });
    await grant();
    const folder = folderOf(files);
    const events: Progress[] = [];
    const options = {
      ...{ folder: folder.path, connection: { url: server.url(database, roles.owner) }, owner: roles.owner },
      onProgress: (event: Progress) => void events.push(event),
    };
    await up(options);
    await grant();
    return { database, options, events, write: folder.write };
  }
  const keyOf = async (database: string) => (await server.sql("SELECT key::text FROM slipway.lock", database))[0]!.key as string;
  const warnings = (events: readonly Progress[]) => events.flatMap((event) => (event.kind === "warning" ? [event.message] : []));

  const HOLDS: Readonly<Record<string, (key: string) => string>> = {
    "a session lock": (key) => `SELECT pg_advisory_lock(${key})`,
    "a shared lock": (key) => `SELECT pg_advisory_lock_shared(${key})`,
    "a transaction's lock": (key) => `BEGIN; SELECT pg_advisory_xact_lock(${key})`,
  };
  const cases = OTHERS.flatMap((role) => Object.entries(HOLDS).map(([hold, sql]) => ({ role, hold, sql })));
  it.each(cases)("a run replaces the key if $role holds $hold, and reports the session", async ({ role, sql }) => {
    const { database, options, events, write } = await deployed();
    const before = await keyOf(database);
    await open(role, database, sql(before));
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    expect((await up({ ...options, waitMs: 0 })).applied).toHaveLength(1);
    expect(await keyOf(database)).not.toBe(before);
    expect(warnings(events)).toEqual([
      expect.stringMatching(
        new RegExp(`no migration run held the migration lock: pid \\d+ \\(intruder, ${role}\\).*pg_terminate_backend\\(\\d+\\);$`),
      ),
    ]);
    expect(events.filter(({ kind }) => kind === "waiting")).toEqual([]);
  });

  it("20 runs apply each file once while every other role takes each key that it sees", async () => {
    const { database, options, write } = await deployed({ "001_counter.sql": "CREATE TABLE counter AS SELECT 0 AS n;" });
    let isAttacking = true;
    let taken = 0;
    const attack = async (role: string) => {
      const client = await open(role, database);
      while (isAttacking) {
        // Of pg_locks, which every role reads; the backup role also reads the table, for its dumps.
        const { rows } = await client.query<{ held: boolean }>(
          `SELECT pg_try_advisory_lock(key) AS held FROM (SELECT DISTINCT (classid::bigint << 32) | objid::bigint AS key FROM pg_locks
             WHERE locktype = 'advisory' AND objsubid = 1 ${role === roles.backup ? "UNION SELECT key FROM slipway.lock" : ""}) keys`,
        );
        taken += rows.filter(({ held }) => held).length;
        await sleep(2);
      }
    };
    const attacks = OTHERS.map(attack);
    write(
      Object.fromEntries(
        Array.from({ length: 6 }, (_, n) => [
          `00${n + 2}_step.sql`,
          n % 2 === 0
            ? "UPDATE counter SET n = n + 1;"
            : "-- slipway: no-transaction\nUPDATE counter SET n = n + 1;\nSELECT pg_sleep(0.05);\nUPDATE counter SET n = n + 1;",
        ]),
      ),
    );
    const results = await Promise.all(Array.from({ length: 20 }, () => up(options)));
    isAttacking = false;
    await Promise.all(attacks);
    expect(taken).toBeGreaterThan(0);
    expect(results.map(({ applied }) => applied.length).sort((a, b) => a - b)).toEqual([...Array.from({ length: 19 }, () => 0), 6]);
    expect(await server.sql("SELECT n FROM counter", database)).toEqual([{ n: 9 }]);
  });

  it("20 first runs, which find no lock, apply each file once", async () => {
    const database = `shop_${++databases}`;
    await server.sql(`CREATE DATABASE ${database} OWNER doadmin`);
    await server.sql(`GRANT CREATE ON DATABASE ${database} TO ${roles.owner}`);
    await server.sql(`GRANT CREATE ON SCHEMA public TO ${roles.owner}`, database);
    const { path: folder } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);", "002_b.sql": "CREATE TABLE b (id int);" });
    const connection = { url: server.url(database, roles.owner) };
    const results = await Promise.all(Array.from({ length: 20 }, () => up({ folder, connection })));
    expect(results.map(({ applied }) => applied.length).sort((a, b) => a - b)).toEqual([...Array.from({ length: 19 }, () => 0), 2]);
  });

  it.each(OTHERS)("%s can lock neither the row with the key nor the tables of the ledger", async (role) => {
    const { database, options, write } = await deployed();
    const client = await open(role, database);
    const denied = ["SELECT FROM slipway.lock FOR UPDATE", "SELECT FROM slipway.lock FOR KEY SHARE", "UPDATE slipway.lock SET key = 1"];
    const modes = ["ROW SHARE", "ROW EXCLUSIVE", "SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE"];
    const locks = ["lock", "about", "events"].flatMap((table) => modes.map((mode) => `LOCK TABLE slipway.${table} IN ${mode} MODE`));
    for (const sql of [...denied, ...locks])
      await expect(client.query(`BEGIN; ${sql}`), sql)
        .rejects.toMatchObject({ code: "42501" })
        .finally(() => client.query("ROLLBACK"));
    // pg_dump takes these locks.
    if (role === roles.backup)
      await client.query("BEGIN; LOCK TABLE slipway.lock, slipway.about, slipway.events, slipway.schema_objects IN ACCESS SHARE MODE");
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    expect((await up(options)).applied).toHaveLength(1);
  });

  it("a session of a member of the owner role is a run: another run waits for it, and names it", async () => {
    const { database, options, write } = await deployed();
    await server.sql(`GRANT ${roles.owner} TO deployer`);
    await open("deployer", database, `SELECT pg_advisory_lock(${await keyOf(database)})`, "slipway migrate elsewhere:1");
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    const error = await failure(up({ ...options, waitMs: 300 }));
    expect([error.code, error.exit]).toEqual(["locked", 75]);
    expect(error.message).toMatch(/Another run holds the migration lock: slipway migrate elsewhere:1 \(pid \d+, deployer\)\. Waited/);
    await server.sql(`REVOKE ${roles.owner} FROM deployer`);
  });

  it("a session of the owner role that keeps the row locked is waited for, and named", async () => {
    const { database, options, write } = await deployed();
    await open(roles.owner, database, "BEGIN; SELECT FROM slipway.lock FOR UPDATE", "psql");
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    const error = await failure(up({ ...options, waitMs: 0, lockTimeoutMs: 200 }));
    expect([error.code, error.exit]).toEqual(["locked", 75]);
    expect(error.message).toMatch(/psql \(pid \d+, shop_owner, idle in transaction\)/);
  });

  it("a ledger without a lock, of an earlier version, gets one, also when several runs start together", async () => {
    const { database, options, write } = await deployed();
    await server.sql("DROP TABLE slipway.lock", database);
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    const results = await Promise.all(Array.from({ length: 8 }, () => up(options)));
    expect(results.map(({ applied }) => applied.length).sort((a, b) => a - b)).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
    expect(await server.sql("SELECT FROM slipway.lock", database)).toHaveLength(1);
  });

  it("the lock is no part of the schema: status finds no drift, and a lost row is created again", async () => {
    const { database, options, write } = await deployed();
    await server.sql("DELETE FROM slipway.lock", database);
    expect((await status(options)).drift).toEqual([]);
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    expect((await up(options)).applied).toHaveLength(1);
    expect((await status(options)).drift).toEqual([]);
  });

  it("a run with nothing to do takes no lock and sends one message; a run with a file acquires the lock in one", async () => {
    const { database, options, write } = await deployed();
    const proxy = await startProxy(server.port);
    const connection = { url: server.url(database, roles.owner).replace(`:${server.port}`, `:${proxy.port}`) };
    await up({ ...options, connection });
    // The start of the connection, the message, and its end.
    expect(proxy.roundTrips).toBeLessThanOrEqual(3);
    const idle = proxy.roundTrips;
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    await up({ ...options, connection });
    // The lock, the file, and the fingerprint with the release of the lock.
    expect(proxy.roundTrips - idle).toBeLessThanOrEqual(6);
    await proxy.close();
  });

  describe("a lock on a table", () => {
    it("of a session whose state the owner role does not see is named with its pid, role and application, and how to end it", async () => {
      const { database, options, write } = await deployed();
      await server.sql("GRANT SELECT, UPDATE ON a TO shop", database);
      const client = await open(roles.runtime, database, "BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE", "checkout");
      write({ "002_b.sql": "ALTER TABLE a ADD b int;" });
      const error = await failure(up({ ...options, lockTimeoutMs: 200, attempts: 2 }));
      const [{ pid } = { pid: 0 }] = (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows;
      expect(error.message).toContain("002_b.sql:1:1: canceling statement due to lock timeout (55P03)");
      expect(error.message).toContain(`blocked by: pid ${pid} (checkout, shop), whose state and queries only shop and doadmin see`);
      expect(error.message).toContain(`WHERE pid IN (${pid}); To end them: SELECT pg_terminate_backend(${pid});`);
      expect(error.message).toContain("002_b.sql was rolled back completely.");
    });

    it("of a non-transactional statement is named too", async () => {
      const { database, options, write } = await deployed();
      await open(roles.runtime, database, "BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE", "checkout");
      write({ "002_b.sql": "-- slipway: no-transaction\nALTER TABLE a ADD b int;" });
      const error = await failure(up({ ...options, lockTimeoutMs: 200, attempts: 2 }));
      expect(error.message).toMatch(/blocked by: pid \d+ \(checkout, shop\)[\s\S]*pg_terminate_backend/);
    });
  });
});
