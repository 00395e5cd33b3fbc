import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Connection } from "../connect/target.ts";
import type { Progress } from "./run/progress.ts";
import { failure } from "./testing/failure.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";
import { nameIn, startServer, type TestServer } from "./testing/server.ts";
import { up } from "./up.ts";

/** Runs `up` in a separate process. */
const RUN = fileURLToPath(new URL("./testing/run.ts", import.meta.url));
let server: TestServer;
const sessions: pg.Client[] = [];
beforeAll(async () => {
  server = await startServer();
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((client) => client.end()));
});
afterAll(async () => {
  await server.stop();
  cleanFolders();
});

/** Opens another session, closed after the test. */
async function openSession({ url }: Connection, name: string, sql: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: name });
  client.on("error", () => {});
  sessions.push(client);
  await client.connect();
  await client.query(sql);
  return client;
}

const kindsOf = (events: readonly Progress[]) => [...new Set(events.map(({ kind }) => kind))];

describe("concurrent runs", () => {
  it("applies each file once when 20 runs start together on an empty database [D27]", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      ...Object.fromEntries(
        Array.from({ length: 10 }, (_, n) => [`${String(n + 1).padStart(3, "0")}_t.sql`, `CREATE TABLE t${n + 1} (id int);`]),
      ),
      "011_apart.sql": "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY t1_id ON t1 (id);",
      "R_view.sql": "CREATE OR REPLACE VIEW v AS SELECT * FROM t1;",
    });
    const results = await Promise.all(Array.from({ length: 20 }, () => up({ folder, connection })));
    expect(results.map(({ applied }) => applied.length).sort((a, b) => a - b)).toEqual([...Array.from({ length: 19 }, () => 0), 12]);
    const counts = await server.sql(
      "SELECT count(*)::int AS n, count(DISTINCT file)::int AS files FROM slipway.events WHERE kind = 'applied'",
      nameIn(connection),
    );
    expect(counts).toEqual([{ n: 12, files: 12 }]);
  });

  it("reports the session that holds the lock, and exits with 75 after the wait", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);" });
    await up({ folder, connection });
    await openSession(connection, "slipway migrate elsewhere:1", "SELECT pg_advisory_lock(key) FROM slipway.lock");
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    const events: Progress[] = [];
    const error = await failure(up({ folder, connection, waitMs: 300, onProgress: (event) => events.push(event) }));
    expect([error.code, error.exit]).toEqual(["locked", 75]);
    expect(error.message).toMatch(/slipway migrate elsewhere:1 \(pid \d+, postgres, connected since \d{4}-/);
    expect(events).toMatchObject([{ kind: "waiting", holder: { application: "slipway migrate elsewhere:1", user: "postgres" } }]);
    expect(await server.sql("SELECT FROM pg_class WHERE relname = 'b'", nameIn(connection))).toEqual([]);
  });

  it("does not conflict with the lock of another ledger, nor with a lock on the key in two parts", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);" });
    const { path: other } = folderOf({ "001_b.sql": "CREATE TABLE b (id int);" });
    await up({ folder, connection });
    await up({ folder: other, connection, ledgerSchema: "slipway_other" });
    await openSession(
      connection,
      "app",
      "SELECT pg_advisory_lock((key >> 32)::int, key::bit(32)::int) FROM slipway.lock; SELECT pg_advisory_lock(key) FROM slipway_other.lock",
    );
    write({ "002_b.sql": "CREATE TABLE c (id int);" });
    expect((await up({ folder, connection, waitMs: 0 })).applied).toHaveLength(1);
  });

  it("does not block CREATE INDEX CONCURRENTLY of the run that holds the lock", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_a.sql": "CREATE TABLE a AS SELECT g AS id FROM generate_series(1, 300000) g;",
      "002_b.sql":
        "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);\nSELECT pg_sleep(0.3);\nCREATE INDEX CONCURRENTLY a_other ON a (id);",
    });
    const [first, second] = await Promise.all([up({ folder, connection }), sleep(50).then(() => up({ folder, connection }))]);
    expect(first.applied.length + second.applied.length).toBe(2);
    expect(await server.sql("SELECT FROM pg_index WHERE NOT indisvalid", nameIn(connection))).toEqual([]);
  });
});

describe("a session that holds a conflicting lock", () => {
  it("is reported, and the whole file is retried", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": "CREATE TABLE a (id int); CREATE TABLE counter AS SELECT 0 AS n;" });
    await up({ folder, connection });
    const holder = await openSession(connection, "reporting", "BEGIN; SELECT * FROM a");
    write({ "002_b.sql": "UPDATE counter SET n = n + 1;\nALTER TABLE a ADD b int;" });
    const events: Progress[] = [];
    const run = up({ folder, connection, lockTimeoutMs: 200, onProgress: (event) => events.push(event) });
    while (!events.some(({ kind }) => kind === "retry")) await sleep(20);
    await holder.query("COMMIT");
    expect((await run).applied).toHaveLength(1);
    expect(events).toContainEqual(
      expect.objectContaining({
        kind: "blocked",
        file: "002_b.sql",
        by: [expect.objectContaining({ application: "reporting", query: "BEGIN; SELECT * FROM a" })],
      }),
    );
    expect(await server.sql("SELECT n FROM counter", nameIn(connection))).toEqual([{ n: 1 }]);
  });

  it.each([
    ["prepared", "PREPARE p AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1;\nALTER TABLE a ADD b int;\nEXECUTE p;"],
    [
      "created outside a transaction",
      "-- slipway: no-transaction\nCREATE TEMP TABLE keep AS SELECT 1 AS id;\nPREPARE p AS SELECT id FROM keep;\nALTER TABLE a ADD b int;\nCREATE TABLE kept AS EXECUTE p;\nINSERT INTO a SELECT id FROM keep;\nVACUUM a;",
    ],
  ])("does not stop a retried file that finds what it %s at the first attempt", async (_, text) => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);" });
    await up({ folder, connection });
    const holder = await openSession(connection, "reporting", "BEGIN; SELECT * FROM a");
    write({ "002_b.sql": text });
    const events: Progress[] = [];
    const run = up({ folder, connection, lockTimeoutMs: 200, onProgress: (event) => events.push(event) });
    while (!events.some(({ kind }) => kind === "retry")) await Promise.race([run, sleep(20)]);
    await holder.query("COMMIT");
    expect((await run).applied).toHaveLength(1);
  });

  it("is named in the failure if it keeps the lock, and the file is rolled back", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);" });
    await up({ folder, connection });
    await openSession(connection, "reporting", "BEGIN; SELECT * FROM a");
    write({ "002_b.sql": "CREATE TABLE b (id int);\nDROP TABLE a;" });
    const error = await failure(up({ folder, connection, lockTimeoutMs: 100, attempts: 2 }));
    expect(error.exit).toBe(1);
    expect(error.message).toMatch(
      /002_b.sql:2:1: canceling statement due to lock timeout \(55P03\)[\s\S]*blocked by: pid \d+ \(reporting, postgres\), idle in transaction for \d+ s: BEGIN; SELECT \* FROM a[\s\S]*rolled back/,
    );
    expect(await server.sql("SELECT FROM pg_class WHERE relname = 'b'", nameIn(connection))).toEqual([]);
  });

  it("does not make other sessions queue behind the file for longer than the lock timeout", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);" });
    await up({ folder, connection });
    await openSession(connection, "reporting", "BEGIN; SELECT * FROM a");
    write({ "002_b.sql": "ALTER TABLE a ADD b int;" });
    const run = failure(up({ folder, connection, lockTimeoutMs: 100, attempts: 3 }));
    const reader = await openSession(connection, "reader", "SET statement_timeout = '2s'");
    await reader.query("SELECT * FROM a");
    await run;
  });

  it("leads to a retry after a deadlock", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": "CREATE TABLE a (id int); CREATE TABLE b (id int);" });
    await up({ folder, connection });
    const rival = await openSession(connection, "rival", "SET deadlock_timeout = '1h'; BEGIN; LOCK TABLE b");
    // The file locks "a", and requests "b" only when the rival, which holds "b", waits for "a". The session of the file detects the deadlock.
    const untilRivalWaits = `DO $$ BEGIN
      WHILE EXISTS (SELECT FROM pg_locks WHERE relation = 'b'::regclass AND granted)
        AND NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'a'::regclass AND NOT granted) LOOP PERFORM pg_sleep(0.01); END LOOP;
      END $$;`;
    write({ "002_b.sql": `LOCK TABLE a;\n${untilRivalWaits}\nLOCK TABLE b;\nCREATE TABLE c (id int);` });
    const events: Progress[] = [];
    const run = up({ folder, connection, onProgress: (event) => events.push(event) });
    const lockOnA = () => server.sql("SELECT FROM pg_locks WHERE relation = 'a'::regclass AND granted", nameIn(connection));
    while ((await lockOnA()).length === 0) await sleep(20);
    await rival.query("LOCK TABLE a");
    await rival.query("COMMIT");
    expect((await run).applied).toHaveLength(1);
    expect(events).toContainEqual(expect.objectContaining({ kind: "retry", why: "deadlock detected" }));
  });

  it("is reported while its old snapshot blocks a concurrent build", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": "CREATE TABLE a (id int); CREATE TABLE unrelated (id int);" });
    await up({ folder, connection });
    const old = await openSession(connection, "report", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM unrelated");
    write({ "002_b.sql": "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);" });
    const events: Progress[] = [];
    const run = up({ folder, connection, lockTimeoutMs: 100, onProgress: (event) => events.push(event) });
    while (!(events.some(({ kind }) => kind === "blocked") && events.some(({ kind }) => kind === "index"))) await sleep(20);
    await old.query("COMMIT");
    await run;
    expect(kindsOf(events)).not.toContain("retry");
    expect(events).toContainEqual(expect.objectContaining({ kind: "blocked", by: [expect.objectContaining({ application: "report" })] }));
    expect(await server.sql("SELECT FROM pg_index WHERE NOT indisvalid", nameIn(connection))).toEqual([]);
  });
});

describe("an invalid index", () => {
  it("is an error if another session left it, and IF NOT EXISTS does not skip it", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": "CREATE TABLE a AS SELECT 1 AS id UNION ALL SELECT 1;" });
    await up({ folder, connection });
    await server.sql("CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id)", nameIn(connection)).catch(() => {});
    write({ "002_b.sql": "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS a_id ON a (id);" });
    const error = await failure(up({ folder, connection }));
    expect(error.message).toMatch(/002_b.sql:2: index a_id on a already exists and is invalid[\s\S]*DROP INDEX CONCURRENTLY a_id/);
    await server.sql("DROP INDEX CONCURRENTLY a_id", nameIn(connection));
    expect((await up({ folder, connection })).applied).toHaveLength(1);
  });

  it.each([
    ["built again", "CREATE TABLE a (id int);", "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_id ON a (id);", 1],
    // The TOAST table has an index too.
    ["reindexed", "CREATE TABLE a (id int PRIMARY KEY, long text);", "REINDEX TABLE CONCURRENTLY a;", 2],
  ])("of a killed run is dropped and %s", async (_, table, statement, broken) => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({ "001_a.sql": table });
    await up({ folder, connection });
    const old = await openSession(connection, "report", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class");
    write({ "002_b.sql": `-- slipway: no-transaction\n${statement}` });
    const child = spawn(process.execPath, [RUN, folder, connection.url], {
      stdio: "ignore",
    });
    const invalidIndexes = () => server.sql("SELECT FROM pg_index WHERE NOT indisvalid", nameIn(connection));
    while ((await invalidIndexes()).length < broken) await sleep(20);
    child.kill("SIGKILL");
    const events: Progress[] = [];
    const run = up({ folder, connection, onProgress: (event) => events.push(event) });
    while (events.length === 0) await sleep(20);
    await old.query("COMMIT");
    expect((await run).applied).toHaveLength(1);
    expect(await invalidIndexes()).toEqual([]);
  });
});

describe("timeouts and signals", () => {
  it("cancels a statement after the timeout of its file", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_a.sql": "-- slipway: statement-timeout 100ms\nCREATE TABLE a (id int);\nSELECT pg_sleep(5);",
    });
    const error = await failure(up({ folder, connection }));
    expect(error.message).toMatch(
      /001_a.sql:3:1: canceling statement due to statement timeout \(57014\)[\s\S]*exceeded the timeout of the file \(100 ms\)/,
    );
    expect(await server.sql("SELECT FROM pg_class WHERE relname = 'a'", nameIn(connection))).toEqual([]);
  });

  it("cancels the statement, rolls back and releases the lock on SIGTERM", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_a.sql": "CREATE TABLE a (id int);",
      "002_b.sql": "CREATE TABLE b (id int); SELECT pg_sleep(60);",
      "003_c.sql": "",
    });
    const child = spawn(process.execPath, [RUN, folder, connection.url], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const running = () => server.sql("SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND wait_event = 'PgSleep'");
    while ((await running()).length === 0) await sleep(20);
    child.kill("SIGTERM");
    const code = await new Promise((ended) => child.once("exit", ended));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /Stopped on request while 002_b.sql ran. It was rolled back completely.*\n.*1 earlier file was applied: 001_a.sql/,
    );
    expect(await server.sql("SELECT relname FROM pg_class WHERE relname IN ('a', 'b')", nameIn(connection))).toEqual([{ relname: "a" }]);
    expect(await server.sql("SELECT FROM pg_locks WHERE locktype = 'advisory'", nameIn(connection))).toEqual([]);
  });

  it("distinguishes a cancel by another session from a timeout", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({ "001_a.sql": "SELECT pg_sleep(60);" });
    const run = failure(up({ folder, connection }));
    const running = () => server.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    while ((await running()).length === 0) await sleep(20);
    expect((await run).message).toMatch(/Another session cancelled the statement/);
  });
});
