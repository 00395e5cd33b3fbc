import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseline } from "./baseline.ts";
import { down } from "./down.ts";
import { repair } from "./repair.ts";
import { status } from "./status.ts";
import { failure } from "./testing/failure.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";
import { nameIn, startServer, type TestServer } from "./testing/server.ts";
import { up } from "./up.ts";
import { verify } from "./verify.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
  cleanFolders();
});

const files = {
  "001_a.sql": "CREATE TABLE a (id int);",
  "001_a.down.sql": "DROP TABLE a CASCADE;",
  "002_b.sql": "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);\nALTER TABLE a ADD b int;",
  "002_b.down.sql": "-- slipway: no-transaction\nDROP INDEX CONCURRENTLY a_id;\nALTER TABLE a DROP b;",
  "003_c.sql": "CREATE TABLE c (id int);",
  "003_c.down.sql": "DROP TABLE c;",
  "R_view.sql": "CREATE OR REPLACE VIEW v AS SELECT id FROM a;",
};

async function applied(content: Readonly<Record<string, string>> = files) {
  const connection = await server.database();
  const folder = folderOf(content);
  await up({ folder: folder.path, connection });
  return {
    folder,
    options: { folder: folder.path, connection },
    sql: (text: string) => server.sql(text, nameIn(connection)),
  };
}

describe("down", () => {
  it("reverts the last files in reverse order, and up applies them again", async () => {
    const { options } = await applied();
    const before = (await status(options)).files.map(({ state }) => state);
    const first = await up(options);
    expect(first.applied).toEqual([]);
    expect((await down(options)).reverted).toEqual(["003_c.sql"]);
    expect((await down({ ...options, steps: 2 })).reverted).toEqual(["002_b.sql", "001_a.sql"]);
    expect((await down(options)).reverted).toEqual([]);
    expect((await up(options)).applied.map(({ file }) => file)).toEqual(["001_a.sql", "002_b.sql", "003_c.sql", "R_view.sql"]);
    expect((await status(options)).files.map(({ state }) => state)).toEqual(before);
  });

  it("reverts to a named file or to nothing", async () => {
    const { options } = await applied();
    expect((await down({ ...options, to: "001_a.sql" })).reverted).toEqual(["003_c.sql", "002_b.sql"]);
    expect((await failure(down({ ...options, to: "003_c.sql" }))).message).toMatch(
      /003_c.sql is not applied to this database. Applied, newest first: 001_a.sql/,
    );
    expect((await down({ ...options, to: "nothing" })).reverted).toEqual(["001_a.sql"]);
  });

  it("reverts the file that was applied last, whatever its number", async () => {
    const { options, folder } = await applied();
    folder.write({ "000_early.sql": "CREATE TABLE early (id int);", "000_early.down.sql": "DROP TABLE early;" });
    await up({ ...options, allowOutOfOrder: true });
    expect((await down(options)).reverted).toEqual(["000_early.sql"]);
  });

  it("reverts nothing if one of the files has no down migration", async () => {
    const { options, sql } = await applied({
      "001_a.sql": "-- slipway: irreversible the old values are gone\nCREATE TABLE a (id int);",
      "002_b.sql": "CREATE TABLE b (id int);",
      "003_c.sql": "CREATE TABLE c (id int);",
      "003_c.down.sql": "DROP TABLE c;",
    });
    expect((await failure(down({ ...options, steps: 2 }))).message).toMatch(/002_b.sql has no down migration. Add 002_b.down.sql/);
    expect(await sql("SELECT FROM pg_class WHERE relname = 'c'")).toHaveLength(1);
    await down(options);
    await repair({ ...options, accept: ["002_b.sql"], reason: "test" });
    await sql("DROP TABLE b");
    const { options: irreversible } = await applied({ "001_a.sql": "-- slipway: irreversible the old values are gone\nSELECT 1;" });
    expect((await failure(down(irreversible))).message).toMatch(/is irreversible: the old values are gone/);
  });

  it("blocks up after it stopped between two statements, and resumes there", async () => {
    const { options, folder, sql } = await applied();
    folder.write({
      "003_c.down.sql": "DROP TABLE c;",
      "002_b.down.sql": "-- slipway: no-transaction\nDROP INDEX CONCURRENTLY a_id;\nALTER TABLE a DROP nothing;",
    });
    expect((await failure(down({ ...options, steps: 2 }))).message).toMatch(
      /002_b.down.sql:3:1: column "nothing"[\s\S]*Statement 1 of 002_b.down.sql was applied and stays/,
    );
    expect((await failure(up(options))).message).toMatch(/002_b.sql is partly reverted/);
    folder.write({ "002_b.down.sql": files["002_b.down.sql"] });
    expect((await down(options)).reverted).toEqual(["002_b.sql"]);
    expect(await sql("SELECT attname FROM pg_attribute WHERE attrelid = 'a'::regclass AND attnum > 0 AND NOT attisdropped")).toEqual([
      { attname: "id" },
    ]);
    expect((await up(options)).applied.map(({ file }) => file)).toEqual(["002_b.sql", "003_c.sql", "R_view.sql"]);
  });
});

describe("repair", () => {
  it("accepts an edited file with a reason, and keeps both events", async () => {
    const { options, folder, sql } = await applied();
    folder.write({ "003_c.sql": "CREATE TABLE c (id bigint);" });
    await failure(up(options));
    expect(await repair({ ...options, accept: ["003_c.sql"], reason: "widened by hand" })).toEqual(["003_c.sql: current text accepted"]);
    expect((await up(options)).applied).toEqual([]);
    expect(await sql("SELECT kind, note FROM slipway.events WHERE file = '003_c.sql' AND kind <> 'measured' ORDER BY id")).toEqual([
      { kind: "applied", note: null },
      { kind: "accepted", note: "widened by hand" },
    ]);
  });

  it("retires a removed file, and records a rename", async () => {
    const { options, folder } = await applied();
    folder.remove("003_c.sql");
    folder.remove("003_c.down.sql");
    await repair({ ...options, retire: ["003_c.sql"], reason: "squashed" });
    expect((await up(options)).applied).toEqual([]);
    folder.remove("001_a.sql");
    folder.remove("001_a.down.sql");
    folder.write({ "001_first.sql": files["001_a.sql"] });
    await repair({ ...options, rename: [["001_a.sql", "001_first.sql"]], reason: "clearer" });
    expect((await up(options)).applied).toEqual([]);
  });

  it("rejects invalid repairs, and writes nothing", async () => {
    const { options, sql } = await applied();
    const events = await sql("SELECT count(*) FROM slipway.events");
    for (const [what, message] of [
      [{ accept: ["003_c.sql"], reason: " " }, /needs a reason/],
      [{ reason: "x" }, /Nothing to repair/],
      [{ accept: ["009_z.sql"], reason: "x" }, /not in /],
      [{ retire: ["001_a.sql"], reason: "x" }, /is still in the folder/],
      [{ retire: ["nothing.sql"], reason: "x" }, /is not in the ledger/],
      [{ happened: [["002_b.sql", 1]], reason: "x" }, /The outcome of statement 1 of 002_b.sql is known/],
    ] as const)
      expect((await failure(repair({ ...options, ...(what as { reason: string }) }))).message).toMatch(message);
    expect(await sql("SELECT count(*) FROM slipway.events")).toEqual(events);
  });

  it("records a statement of unknown outcome as applied or to be repeated", async () => {
    for (const outcome of ["happened", "again"] as const) {
      const connection = await server.database();
      const sql = (text: string) => server.sql(text, nameIn(connection));
      const { path: folder } = folderOf({
        "001_a.sql": "CREATE TABLE n (n int); CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO n VALUES (1); COMMIT; END $$;",
        "002_b.sql": "-- slipway: no-transaction\nCALL p();\nSELECT 1;",
      });
      await up({ folder, connection, to: "001_a.sql" });
      // The ledger of a run that was killed during the CALL.
      await sql(
        "INSERT INTO slipway.events (kind, file, statement, statements, meaning) SELECT 'started', '002_b.sql', 1, 2, meaning FROM slipway.events LIMIT 0",
      );
      const { meaningChecksum } = await import("./read/text.ts");
      const meaning = meaningChecksum("-- slipway: no-transaction\nCALL p()");
      await sql(
        `INSERT INTO slipway.events (kind, file, statement, statements, meaning) VALUES ('started', '002_b.sql', 1, 2, '${meaning}')`,
      );
      const error = await failure(up({ folder, connection }));
      expect([error.exit, error.message]).toEqual([
        3,
        expect.stringMatching(/002_b.sql:2: the previous run ended while statement 1 ran[\s\S]*CALL p\(\)[\s\S]*--happened 002_b.sql:1/),
      ]);
      await repair({ folder, connection, [outcome]: [["002_b.sql", 1]], reason: "checked" });
      expect((await up({ folder, connection })).applied).toHaveLength(1);
      expect(await sql("SELECT count(*)::int AS n FROM n")).toEqual([{ n: outcome === "happened" ? 0 : 1 }]);
    }
  });
});

describe("baseline", () => {
  /** Two files numbered 001, and 000 applied after the first of them. */
  const former = `CREATE TABLE migrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, executed_at timestamp NOT NULL);
    INSERT INTO migrations (name, executed_at) VALUES ('001_add_missing_tables.sql', '2025-10-22 01:00'), ('000_create_base_messaging_schema.sql', '2025-12-10 01:00'), ('001_add_message_threading_and_search.sql', '2025-12-10 01:01');
    CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE messages (id int PRIMARY KEY);`;
  const own = {
    "001_core.sql": "CREATE TABLE users (id int PRIMARY KEY);",
    "002_messaging.sql": "CREATE TABLE messages (id int PRIMARY KEY);",
    "003_new.sql": "CREATE TABLE files (id int);",
  };

  it("adopts a former ledger with two files numbered 001 out of order, without writing to it [F9, F10, F120]", async () => {
    const connection = await server.database();
    const sql = (text: string) => server.sql(text, nameIn(connection));
    await sql(former);
    const rows = await sql("SELECT *, xmin::text FROM migrations");
    const { path: folder } = folderOf(own);
    expect(await baseline({ folder, connection, from: "public.migrations", applied: ["001_core.sql", "002_messaging.sql"] })).toEqual({
      adopted: ["001_add_missing_tables.sql", "000_create_base_messaging_schema.sql", "001_add_message_threading_and_search.sql"],
      baselined: ["001_core.sql", "002_messaging.sql"],
      pending: [{ file: "003_new.sql", present: [], absent: ["files"] }],
    });
    expect((await up({ folder, connection })).applied.map(({ file }) => file)).toEqual(["003_new.sql"]);
    expect(await sql("SELECT *, xmin::text FROM migrations")).toEqual(rows);
    expect((await status({ folder, connection })).files.map(({ file, state }) => `${state} ${file}`)).toEqual([
      "adopted 001_add_missing_tables.sql",
      "adopted 000_create_base_messaging_schema.sql",
      "adopted 001_add_message_threading_and_search.sql",
      "baselined 001_core.sql",
      "baselined 002_messaging.sql",
      "applied 003_new.sql",
    ]);
  });

  it("records the files of a former ledger as applied if the folder contains them, in the order in which they ran", async () => {
    const connection = await server.database();
    await server.sql(former, nameIn(connection));
    const { path: folder } = folderOf({
      "000_create_base_messaging_schema.sql": "CREATE TABLE messages (id int);",
      "001_add_message_threading_and_search.sql": "",
      "001_add_missing_tables.sql": "CREATE TABLE users (id int);",
      "002_next.sql": "",
    });
    expect((await baseline({ folder, connection, from: "migrations(name)" })).baselined).toEqual([
      "001_add_missing_tables.sql",
      "000_create_base_messaging_schema.sql",
      "001_add_message_threading_and_search.sql",
    ]);
    expect((await up({ folder, connection })).applied.map(({ file }) => file)).toEqual(["002_next.sql"]);
  });

  it("rejects missing or contradicting choices of files and columns", async () => {
    const connection = await server.database();
    const sql = (text: string) => server.sql(text, nameIn(connection));
    await sql(former);
    await sql("ALTER TABLE migrations ADD checksum text");
    const { path: folder } = folderOf({ ...own, "004_half.sql": "CREATE TABLE migrations (id int); CREATE TABLE invoices (id int);" });
    const options = { folder, connection };
    expect((await failure(baseline(options))).message).toMatchInlineSnapshot(`
      "Which of these files are already applied to the database? Name them: slipway does not guess.
        001_core.sql: all of its tables exist (users)
        002_messaging.sql: all of its tables exist (messages)
        003_new.sql: none of its tables exist (files)
        004_half.sql: migrations exist; invoices do not exist
        slipway migrate baseline --applied 001_….sql,002_….sql      files whose tables exist
        slipway migrate baseline --from public.migrations           the files of a former ledger, in its order"
    `);
    expect((await failure(baseline({ ...options, from: "migrations" }))).message).toMatch(
      /Which column of migrations .* id integer, name character varying, executed_at timestamp without time zone, checksum text/,
    );
    expect((await failure(baseline({ ...options, from: "nothing_here" }))).message).toMatch(/Table nothing_here does not exist/);
    expect((await failure(baseline({ ...options, applied: ["001_core.sql", "003_new.sql"] }))).message).toMatch(
      /002_messaging.sql: all of its tables exist \(messages\), but it is not named as applied/,
    );
    expect((await failure(baseline({ ...options, applied: ["001_core.sql", "002_messaging.sql", "003_new.sql"] }))).message).toMatch(
      /003_new.sql: none of its tables exist \(files\), but it is named as applied/,
    );
    expect(await sql("SELECT FROM pg_namespace WHERE nspname = 'slipway'")).toEqual([]);
  });
});

describe("verify", () => {
  it("tests every down migration in a shadow database, and compares the real database", async () => {
    const { options } = await applied();
    const result = await verify(options);
    expect(result.rehearsal.map(({ file, outcome }) => `${outcome} ${file}`)).toEqual([
      "equal 001_a.sql",
      "equal 002_b.sql",
      "equal 003_c.sql",
      "repeatable R_view.sql",
    ]);
    expect(result).toMatchObject({ ok: true, real: { differences: [], drift: [], brokenIndexes: [], unvalidated: [], pending: [] } });
    expect(await server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'slipway_shadow%'")).toEqual([]);
  });

  it("reports what a down migration does not restore, and a missing one", async () => {
    const { path: folder } = folderOf({
      "001_a.sql": "CREATE TYPE t AS ENUM ('x'); CREATE TABLE a (id int, t t);",
      "001_a.down.sql": "DROP TABLE a;",
      "002_b.sql": "CREATE TABLE IF NOT EXISTS b (id int);",
    });
    const { ok, rehearsal } = await verify({ folder, shadow: { url: server.url("postgres") } }).catch((error: Error) => ({
      ok: undefined,
      rehearsal: error.message,
    }));
    expect([ok, rehearsal]).toEqual([undefined, expect.stringMatching(/001_a.sql:1:1: type "t" already exists/)]);
    const lenient = folderOf({
      "001_a.sql": "CREATE TABLE a (id int); CREATE TABLE IF NOT EXISTS b (id int DEFAULT 5);",
      "001_a.down.sql": "DROP TABLE a;",
      "002_c.sql": "CREATE TABLE c (id int);",
    });
    const result = await verify({ folder: lenient.path, shadow: { url: server.url("postgres") } });
    expect(result.ok).toBe(false);
    expect(result.rehearsal).toMatchObject([
      {
        outcome: "different",
        afterDown: [
          { kind: "column", name: "public.b.id", is: "integer default 5" },
          { kind: "relation", name: "public.b" },
        ],
        afterUp: [],
      },
      { outcome: "no-way-back" },
    ]);
  });

  it("reports differences between the real database and its files [D49]", async () => {
    const { options, sql } = await applied();
    await sql("ALTER TABLE c ADD by_hand int; ALTER TABLE a ADD CONSTRAINT later CHECK (id > 0) NOT VALID; DROP INDEX a_id;");
    const { ok, real } = await verify(options);
    expect(ok).toBe(false);
    expect(real).toMatchObject({
      differences: [
        { kind: "column", name: "public.c.by_hand", is: "integer" },
        { kind: "constraint", name: "public.a.later" },
        { kind: "index", name: "public.a_id", was: expect.stringContaining("USING btree (id)") },
      ],
      unvalidated: ["a.later"],
    });
    expect(real!.drift.map(({ name }) => name)).toEqual(["public.c.by_hand", "public.a.later", "public.a_id"]);
    expect((await status(options)).drift).toEqual(real!.drift);
  });

  it("drops stale shadow databases, and no other database with a similar name", async () => {
    const old = `slipway_shadow_${(Date.now() - 86_400_000).toString(36)}_00c0ffee`;
    const fresh = `slipway_shadow_${Date.now().toString(36)}_00c0ffee`;
    for (const name of [old, fresh, "slipway_shadow_mine"]) await server.sql(`CREATE DATABASE ${name}`);
    await verify({ folder: folderOf({ "001_a.sql": "", "001_a.down.sql": "" }).path, shadow: { url: server.url("postgres") } });
    const left = await server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'slipway_shadow%' ORDER BY 1");
    expect(left.map(({ datname }) => datname)).toEqual(["slipway_shadow_mine", fresh]);
    for (const name of [fresh, "slipway_shadow_mine"]) await server.sql(`DROP DATABASE ${name}`);
  });

  it("explains what to do if the role cannot create a database", async () => {
    const { options, sql } = await applied();
    await sql(
      "CREATE ROLE plain_user LOGIN; GRANT USAGE ON SCHEMA slipway TO plain_user; GRANT SELECT ON ALL TABLES IN SCHEMA slipway TO plain_user",
    );
    const url = options.connection.url.replace("postgres@", "plain_user@");
    expect((await failure(verify({ ...options, connection: { url } }))).message).toMatch(
      /cannot create one \(permission denied to create database\).*--shadow/,
    );
  });
});
