import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open } from "../connect/session.ts";
import type { Connection } from "../connect/target.ts";
import { LedgerTable } from "./ledger/ledger.ts";
import { fingerprint } from "./schema/fingerprint.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";
import { startProxy } from "./testing/proxy.ts";
import { nameIn, startServer, type TestServer } from "./testing/server.ts";
import { up } from "./up.ts";

/** SLIPWAY_KILLS=200 kills 200 runs. The default kills a few, at random moments. */
const times = Number(process.env.SLIPWAY_KILLS ?? 4);
const script = fileURLToPath(new URL("./testing/run.ts", import.meta.url));

const files = {
  "001_tables.sql":
    "CREATE TABLE counter (name text PRIMARY KEY, n int NOT NULL); INSERT INTO counter VALUES ('once', 0), ('apart', 0), ('again', 0);",
  "002_rows.sql": "CREATE TABLE rows AS SELECT g AS id, md5(g::text) AS text FROM generate_series(1, 20000) g;",
  "003_once.sql": "UPDATE counter SET n = n + 1 WHERE name = 'once'; SELECT pg_sleep(0.03);",
  "004_view.sql": "CREATE VIEW seen AS SELECT 1 AS nothing;",
  "005_apart.sql": `-- slipway: no-transaction
UPDATE counter SET n = n + 1 WHERE name = 'apart';
CREATE INDEX CONCURRENTLY rows_text ON rows (text);
UPDATE counter SET n = n + 1 WHERE name = 'apart';
CREATE UNIQUE INDEX CONCURRENTLY rows_id ON rows (id);
VACUUM rows;
DROP INDEX CONCURRENTLY rows_text;
UPDATE counter SET n = n + 1 WHERE name = 'apart';
REINDEX TABLE CONCURRENTLY rows;`,
  "006_once.sql": "DROP VIEW IF EXISTS seen CASCADE; UPDATE counter SET n = n + 1 WHERE name = 'once'; CREATE TABLE late (id int);",
  "007_sleep.sql": "SELECT pg_sleep(0.03); CREATE INDEX rows_text_again ON rows (text);",
  "R_seen.sql": "CREATE OR REPLACE VIEW seen AS SELECT name FROM counter;",
};

let server: TestServer;
let folder: string;
let expectedFingerprint: string;

beforeAll(async () => {
  server = await startServer();
  folder = folderOf(files).path;
  const connection = await server.database();
  expectedFingerprint = (await up({ folder, connection })).fingerprint!;
});
afterAll(async () => {
  await server.stop();
  cleanFolders();
});

/** Expects the result of an uninterrupted run: the same schema, each file applied once, exact counts, no invalid index, no lock. */
async function expectUninterrupted(connection: Connection): Promise<void> {
  const session = await open(connection, { application: "test" });
  try {
    expect(await fingerprint(session, new LedgerTable())).toBe(expectedFingerprint);
    expect(await session.query("SELECT name, n FROM counter ORDER BY name")).toEqual([
      { name: "again", n: 0 },
      { name: "apart", n: 3 },
      { name: "once", n: 2 },
    ]);
    const applied = await session.query<{ file: string }>(
      "SELECT file FROM slipway.events WHERE kind = 'applied' AND file ~ '^\\d' ORDER BY id",
    );
    expect(applied.map(({ file }) => file)).toEqual(Object.keys(files).filter((name) => /^\d/.test(name)));
    expect(await session.query("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid")).toEqual([]);
    expect(await session.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")).toEqual([]);
  } finally {
    await session.end();
  }
}

/** 200 databases would fill the memory disk, and slow down the recovery of a killed server. */
async function dropDatabase(connection: Connection): Promise<void> {
  await server.sql(`DROP DATABASE ${nameIn(connection)} WITH (FORCE)`);
  await server.sql("CHECKPOINT");
}

describe("an interrupted run", () => {
  it(
    "is completed by the next run after kill -9 at any moment [F138]",
    async () => {
      for (let n = 0; n < times; n++) {
        const connection = await server.database();
        const child = spawn(process.execPath, [script, folder, connection.url], { stdio: ["ignore", "pipe", "inherit"] });
        await new Promise((begun) => child.stdout.once("data", begun));
        const gone = new Promise((ended) => child.once("exit", ended));
        await new Promise((wake) => setTimeout(wake, Math.random() * 500));
        child.kill("SIGKILL");
        await gone;
        await up({ folder, connection });
        await expectUninterrupted(connection);
        await dropDatabase(connection);
      }
    },
    20_000 + times * 5000,
  );

  it(
    "continues after a crash of the server",
    async () => {
      for (let n = 0; n < Math.ceil(times / 2); n++) {
        const connection = await server.database();
        let begin = () => {};
        const begun = new Promise<void>((resolve) => {
          begin = resolve;
        });
        const run = up({ folder, connection, onProgress: ({ kind }) => void (kind === "pending" && begin()) });
        await begun;
        await new Promise((wake) => setTimeout(wake, Math.random() * 450));
        await server.restart(n % 2 === 0 ? "immediate" : "fast");
        await run;
        await expectUninterrupted(connection);
        await dropDatabase(connection);
      }
    },
    20_000 + times * 5000,
  );

  it(
    "continues after a lost connection, and reads the outcome of the file from the ledger",
    async () => {
      for (let n = 0; n < times; n++) {
        const connection = await server.database();
        const proxy = await startProxy(server.port);
        const url = connection.url.replace(`:${server.port}`, `:${proxy.port}`);
        let begin = () => {};
        const begun = new Promise<void>((resolve) => {
          begin = resolve;
        });
        const run = up({ folder, connection: { url }, onProgress: ({ kind }) => void (kind === "pending" && begin()) });
        await begun;
        await new Promise((wake) => setTimeout(wake, Math.random() * 350));
        proxy.cut();
        await run;
        await proxy.close();
        await expectUninterrupted(connection);
        await dropDatabase(connection);
      }
    },
    20_000 + times * 5000,
  );
});
