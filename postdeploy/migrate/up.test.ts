import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Failure } from "../connect/failure.ts";
import type { Progress } from "./progress.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";
import { startServer, type TestServer } from "./testing/server.ts";
import { up } from "./up.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
  cleanFolders();
});

const failure = (promise: Promise<unknown>): Promise<Failure> =>
  promise.then(
    (value) => Promise.reject(new Error(`It should have failed, and gave ${JSON.stringify(value)}`)),
    (error: Failure) => error,
  );

describe("up", () => {
  it("applies each file once, in order, with its ledger row, and then has nothing to do [F138]", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_users.sql": "CREATE TABLE users (id int PRIMARY KEY);",
      "002_names.sql": "ALTER TABLE users ADD name text;\nINSERT INTO users VALUES (1, 'a;b')",
      "010_last.sql": "-- only a comment",
      "R_everyone.sql": "CREATE OR REPLACE VIEW everyone AS SELECT * FROM users;",
    });
    const first = await up({ folder, connection, system: "shop" });
    expect(first.applied.map(({ file }) => file)).toEqual(["001_users.sql", "002_names.sql", "010_last.sql", "R_everyone.sql"]);
    const database = connection.url.split("/").at(-1)!;
    const rows = () => server.sql("SELECT *, xmin::text FROM slipway.events ORDER BY id", database);
    const before = await rows();
    expect(before.filter(({ kind }) => kind === "applied").map(({ file }) => file)).toEqual(first.applied.map(({ file }) => file));
    expect((await up({ folder, connection, system: "shop" })).applied).toEqual([]);
    expect(await rows()).toEqual(before);
  });

  it("rolls a failed file back whole, keeps those before it, and shows where it failed", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({
      "001_a.sql": "CREATE TABLE a (id int);",
      "002_b.sql": "CREATE TABLE b (id int);\n-- 🙂\nINSERT INTO b (nmae) VALUES (1);\n",
      "003_c.sql": "CREATE TABLE c (id int);",
    });
    const error = await failure(up({ folder, connection }));
    expect(error.message).toMatchInlineSnapshot(`
      "002_b.sql:3:16: column "nmae" of relation "b" does not exist (42703)
        1 | CREATE TABLE b (id int);
        2 | -- 🙂
        3 | INSERT INTO b (nmae) VALUES (1);
          |                ^
        002_b.sql was rolled back; nothing of it is left.
        1 file was applied before it: 001_a.sql."
    `);
    expect(error.exit).toBe(1);
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    expect((await up({ folder, connection })).applied.map(({ file }) => file)).toEqual(["002_b.sql", "003_c.sql"]);
  });

  it("runs what cannot have a transaction on its own, and goes on after the statement that failed", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({
      "001_a.sql": "CREATE TABLE a AS SELECT generate_series(1, 100) AS id;",
      "002_b.sql":
        "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);\nINSERT INTO a VALUES (1);\nCREATE UNIQUE INDEX CONCURRENTLY a_once ON a (id);\nVACUUM a;",
    });
    const seen: Progress[] = [];
    const error = await failure(up({ folder, connection, onProgress: (event) => seen.push(event) }));
    expect(error.message).toMatchInlineSnapshot(`
      "002_b.sql:4:1: could not create unique index "a_once" (23505)
        2 | CREATE INDEX CONCURRENTLY a_id ON a (id);
        3 | INSERT INTO a VALUES (1);
        4 | CREATE UNIQUE INDEX CONCURRENTLY a_once ON a (id);
          | ^
        detail: Key (id)=(1) is duplicated.
        Statements 1 to 2 of 002_b.sql are done and stay. Mend statement 3 in the file and run again: it goes on from there.
        1 file was applied before it: 001_a.sql."
    `);
    write({
      "002_b.sql":
        "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);\nINSERT INTO a VALUES (1);\nCREATE INDEX CONCURRENTLY a_once ON a (id);\nVACUUM a;",
    });
    expect((await up({ folder, connection })).applied.map(({ file }) => file)).toEqual(["002_b.sql"]);
    const database = connection.url.split("/").at(-1)!;
    expect(await server.sql("SELECT count(*)::int AS n FROM a", database)).toEqual([{ n: 101 }]);
    expect(await server.sql("SELECT indexrelid::regclass::text AS i FROM pg_index WHERE NOT indisvalid", database)).toEqual([]);
  });
});
