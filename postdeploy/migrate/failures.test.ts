import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { skipTest } from "../../tests/skip.ts";
import { targetOf } from "../connect/target.ts";
import type { Progress } from "./run/progress.ts";
import { status } from "./status.ts";
import { failure } from "./testing/failure.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";
import { startProxy } from "./testing/proxy.ts";
import { nameIn, startServer, type TestServer } from "./testing/server.ts";
import { up } from "./up.ts";

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startServer({ settings: { max_connections: "12", superuser_reserved_connections: "2", max_locks_per_transaction: "10" } });
  folder = folderOf({ "001_a.sql": "CREATE TABLE a (id int);" }).path;
});
afterAll(async () => {
  await server.stop();
  cleanFolders();
});

describe("a failed connection", () => {
  const failureOf = async (url: string, ca?: string) => {
    const { message, exit, code } = await failure(status({ folder, connection: { url, ca } }));
    expect(message).not.toContain("s3cret");
    return [code, exit, message];
  };

  it("reports that no server listens", async () => {
    expect(await failureOf("postgres://u:s3cret@127.0.0.1:1/db")).toEqual([
      "refused",
      1,
      expect.stringMatching(/^Cannot connect to u@127.0.0.1:1\/db: no server listens.*25060/),
    ]);
  });

  it("reports a missing database, host or role", async () => {
    expect(await failureOf(server.url("nowhere"))).toEqual([
      "no-database",
      2,
      expect.stringContaining('database "nowhere" does not exist'),
    ]);
    expect(await failureOf("postgres://u:s3cret@no.such.host.invalid/db")).toEqual([
      "no-such-host",
      expect.anything(),
      expect.stringContaining("no.such.host.invalid"),
    ]);
    const { url } = await server.database();
    expect((await failure(status({ folder, connection: { url }, owner: "missing_role" }))).message).toMatch(
      /role "missing_role" does not exist.*roles step/,
    );
  });

  it.each([
    ["", /is empty/],
    ["mysql://u@h/db", /begins with mysql:/],
    ["postgres://u:s3cret#1@h/db", /is invalid|has no/],
    ["postgres://u:100%@h/db", /not part of an escape/],
    ["postgres://h/db", /has no user/],
    ["postgres://u@h", /has no database/],
    ["postgres://u@db.example.com/db?sslmode=disable", /disables TLS/],
    ["postgres://u@h/db?sslmode=verify-full&sslrootcert=/nowhere.pem", /certificate file that cannot be read/],
  ])("reports an invalid URL: %s", async (url, expected) => {
    const [, exit, message] = await failureOf(url);
    expect([exit, message]).toEqual([2, expect.stringMatching(expected)]);
  });

  it("accepts a percent-encoded password with every special character [F107]", () => {
    const password = `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~ äß€🙂`;
    expect(targetOf({ url: `postgres://u:${encodeURIComponent(password)}@db.example.com:25060/db?sslmode=require` })).toEqual({
      host: "db.example.com",
      port: 25060,
      database: "db",
      user: "u",
      password,
      // The certificate is verified, whatever the sslmode.
      tls: {},
    });
  });
});

describe("a server", () => {
  it("that is a standby is rejected, also for read-only commands", async () => {
    const primary = await startServer();
    await primary.sql("CREATE DATABASE shop");
    await primary.pause();
    const standby = await startServer({ standbyOf: primary.data });
    try {
      expect((await failure(up({ folder, connection: { url: standby.url("shop") } }))).message).toMatch(/is a standby, which is read-only/);
    } finally {
      await standby.stop();
      await primary.stop();
    }
  });

  it("that the provider set to read-only is reported before anything runs", async () => {
    const connection = await server.database();
    await server.sql(`ALTER DATABASE ${nameIn(connection)} SET default_transaction_read_only = on`);
    const error = await failure(up({ folder, connection }));
    expect([error.code, error.exit]).toEqual(["read-only", 1]);
    expect(error.message).toMatch(/disk is full/);
  });

  it("that denies a privilege is reported with the GRANT", async () => {
    const connection = await server.database();
    await server.sql("CREATE ROLE weak LOGIN");
    const error = await failure(up({ folder, connection: { url: server.url(nameIn(connection), "weak") } }));
    expect([error.exit, error.message]).toEqual([
      2,
      expect.stringMatching(/Cannot create the ledger schema slipway: permission denied.*GRANT CREATE ON DATABASE t.* TO weak/),
    ]);
    await up({ folder, connection });
    expect((await failure(status({ folder, connection: { url: server.url(nameIn(connection), "weak") } }))).message).toMatch(
      /cannot read the ledger in schema slipway/,
    );
  });

  it("without free connections is retried", async () => {
    const connection = await server.database();
    await server.sql(
      `CREATE ROLE guest LOGIN; GRANT CREATE ON DATABASE ${nameIn(connection)} TO guest; GRANT CREATE ON SCHEMA public TO guest`,
      nameIn(connection),
    );
    const url = server.url(nameIn(connection), "guest");
    const proxy = await startProxy(server.port);
    const crowd = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const client = new pg.Client(url);
        await client.connect();
        return client;
      }),
    );
    const run = up({ folder, connection: { url: url.replace(`:${server.port}`, `:${proxy.port}`) } });
    // The second attempt shows that the first one was refused.
    while (proxy.connections < 2) await sleep(20);
    await Promise.all(crowd.map((client) => client.end()));
    expect((await run).applied).toHaveLength(1);
    await proxy.close();
  });

  it("without free lock slots fails cleanly, with a hint", async () => {
    const connection = await server.database();
    const many = folderOf({ "001_many.sql": Array.from({ length: 3000 }, (_, n) => `CREATE TABLE m${n} (id int);`).join("\n") });
    const error = await failure(up({ folder: many.path, connection }));
    expect(error.message).toMatch(/001_many.sql:\d+:\d+: out of shared memory \(53200\)[\s\S]*split it/);
    expect(
      await server.sql("SELECT FROM pg_class WHERE relname LIKE 'm%' AND relnamespace = 'public'::regnamespace", nameIn(connection)),
    ).toEqual([]);
  });

  it("with a full disk is reported without a retry", async (context) => {
    const disk = mkdtempSync(join(tmpdir(), "slipway-disk-"));
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=130m", "tmpfs", disk]).status !== 0)
      skipTest(context, {
        reason: "needs a separate file system: root and the right to mount",
        enable: "npm test as root, in a container with --privileged",
      });
    const small = await startServer({ parent: disk, settings: { max_wal_size: "32MB", min_wal_size: "32MB", wal_recycle: "off" } });
    try {
      const connection = await small.database();
      const big = folderOf({
        "001_a.sql": "CREATE TABLE a (id int);",
        "002_big.sql": "CREATE UNLOGGED TABLE big AS SELECT repeat(md5(g::text), 30) AS t FROM generate_series(1, 400000) g;",
      });
      const events: Progress[] = [];
      const error = await failure(up({ folder: big.path, connection, onProgress: (event) => events.push(event) }));
      expect(error.message).toMatch(/002_big.sql:1:1: [\s\S]*\(53100\)[\s\S]*add storage to the cluster[\s\S]*rolled back/);
      expect(events.filter(({ kind }) => kind === "retry")).toEqual([]);
      expect(await small.sql("SELECT relname FROM pg_class WHERE relname IN ('a', 'big')", nameIn(connection))).toEqual([{ relname: "a" }]);
    } finally {
      await small.stop();
      spawnSync("umount", [disk]);
      rmSync(disk, { recursive: true, force: true });
    }
  });
});

describe("a file of 50 MB", () => {
  it("is applied in one piece", async () => {
    const connection = await server.database();
    const row = `('${"x".repeat(1000)}')`;
    const statement = `INSERT INTO rows VALUES ${Array.from({ length: 2000 }, () => row).join(",")};\n`;
    const { path } = folderOf({ "001_rows.sql": `CREATE UNLOGGED TABLE rows (t text);\n${statement.repeat(25)}` });
    await up({ folder: path, connection });
    expect(await server.sql("SELECT count(*)::int AS n FROM rows", nameIn(connection))).toEqual([{ n: 50_000 }]);
  });
});

describe("a lost connection", () => {
  it("between COMMIT and its reply is resolved from the ledger, without repeating the file", async () => {
    const connection = await server.database();
    const proxy = await startProxy(server.port);
    const { path } = folderOf({
      "001_a.sql": "CREATE TABLE counter AS SELECT 0 AS n;",
      "002_b.sql": "UPDATE counter SET n = n + 1; SELECT pg_sleep(0.3);",
    });
    const events: Progress[] = [];
    const run = up({
      folder: path,
      connection: { url: connection.url.replace(`:${server.port}`, `:${proxy.port}`) },
      onProgress(event) {
        events.push(event);
        if (event.kind === "pending") proxy.deafen();
      },
    });
    const committed = () => server.sql("SELECT FROM slipway.events WHERE file = '002_b.sql'", nameIn(connection)).catch(() => []);
    while ((await committed()).length === 0) await sleep(20);
    proxy.cut();
    proxy.speak();
    expect((await run).applied.map(({ file }) => file)).toEqual(["001_a.sql", "002_b.sql"]);
    expect(await server.sql("SELECT n FROM counter", nameIn(connection))).toEqual([{ n: 1 }]);
    expect(events.map(({ kind }) => kind)).toContain("lost");
    await proxy.close();
  });

  it("without a reset ends the run with 3, and the next run determines the outcome", async () => {
    const connection = await server.database();
    const proxy = await startProxy(server.port);
    const { path } = folderOf({ "001_a.sql": "CREATE TABLE a (id int); SELECT pg_sleep(0.5);" });
    const run = failure(
      up({
        folder: path,
        connection: { url: connection.url.replace(`:${server.port}`, `:${proxy.port}`) },
        reconnectMs: 800,
        onProgress: (event) => void (event.kind === "pending" && proxy.silence()),
      }),
    );
    const error = await run;
    expect([error.exit, error.message]).toEqual([
      3,
      expect.stringMatching(/connection was lost while 001_a.sql ran.*Run again: slipway then reads it from the ledger/),
    ]);
    await proxy.close();
    await up({ folder: path, connection });
    expect(await server.sql("SELECT count(*)::int AS n FROM slipway.events WHERE kind = 'applied'", nameIn(connection))).toEqual([
      { n: 1 },
    ]);
  });
});
