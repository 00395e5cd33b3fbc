import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { down } from "./down.ts";
import { lint } from "./lint/index.ts";
import { readFolder } from "./read/files.ts";
import type { Progress } from "./run/progress.ts";
import { status } from "./status.ts";
import { failure } from "./testing/failure.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";
import { nameIn, startServer, type TestServer } from "./testing/server.ts";
import { up } from "./up.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
  cleanFolders();
});

describe("up", () => {
  it("applies each file once, in order, with its ledger entry [F138]", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_users.sql": "CREATE TABLE users (id int PRIMARY KEY);",
      "002_names.sql": "ALTER TABLE users ADD name text;\nINSERT INTO users VALUES (1, 'a;b')",
      "010_last.sql": "-- only a comment",
      "R_everyone.sql": "CREATE OR REPLACE VIEW everyone AS SELECT * FROM users;",
    });
    const first = await up({ folder, connection, system: "shop" });
    expect(first.applied.map(({ file }) => file)).toEqual(["001_users.sql", "002_names.sql", "010_last.sql", "R_everyone.sql"]);
    const database = nameIn(connection);
    const rows = () => server.sql("SELECT *, xmin::text FROM slipway.events ORDER BY id", database);
    const before = await rows();
    expect(before.filter(({ kind }) => kind === "applied").map(({ file }) => file)).toEqual(first.applied.map(({ file }) => file));
    expect((await up({ folder, connection, system: "shop" })).applied).toEqual([]);
    expect(await rows()).toEqual(before);
  });

  it("rolls back a failed file completely, keeps earlier files, and shows the position of the error", async () => {
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
        002_b.sql was rolled back completely.
        1 earlier file was applied: 001_a.sql."
    `);
    expect(error.exit).toBe(1);
    write({ "002_b.sql": "CREATE TABLE b (id int);" });
    expect((await up({ folder, connection })).applied.map(({ file }) => file)).toEqual(["002_b.sql", "003_c.sql"]);
  });

  it("runs non-transactional statements separately, and resumes at the failed statement", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({
      "001_a.sql": "CREATE TABLE a AS SELECT generate_series(1, 100) AS id;",
      "002_b.sql":
        "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);\nINSERT INTO a VALUES (1);\nCREATE UNIQUE INDEX CONCURRENTLY a_once ON a (id);\nVACUUM a;",
    });
    const events: Progress[] = [];
    const error = await failure(up({ folder, connection, onProgress: (event) => events.push(event) }));
    expect(error.message).toMatchInlineSnapshot(`
      "002_b.sql:4:1: could not create unique index "a_once" (23505)
        2 | CREATE INDEX CONCURRENTLY a_id ON a (id);
        3 | INSERT INTO a VALUES (1);
        4 | CREATE UNIQUE INDEX CONCURRENTLY a_once ON a (id);
          | ^
        detail: Key (id)=(1) is duplicated.
        Statements 1 to 2 of 002_b.sql were applied and stay. Fix statement 3 in the file and run again to continue from there.
        1 earlier file was applied: 001_a.sql."
    `);
    write({
      "002_b.sql":
        "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);\nINSERT INTO a VALUES (1);\nCREATE INDEX CONCURRENTLY a_once ON a (id);\nVACUUM a;",
    });
    expect((await up({ folder, connection })).applied.map(({ file }) => file)).toEqual(["002_b.sql"]);
    const database = nameIn(connection);
    expect(await server.sql("SELECT count(*)::int AS n FROM a", database)).toEqual([{ n: 101 }]);
    expect(await server.sql("SELECT indexrelid::regclass::text AS i FROM pg_index WHERE NOT indisvalid", database)).toEqual([]);
  });

  it("resets settings between files", async () => {
    const connection = await server.database();
    await server.sql("CREATE ROLE another; CREATE SCHEMA app", nameIn(connection));
    const { path: folder } = folderOf({
      "001_leak.sql":
        "SET search_path = pg_catalog; SET statement_timeout = '100s'; SET ROLE another; SET default_transaction_read_only = on;",
      "002_next.sql":
        "CREATE TABLE here AS SELECT current_user::text AS who, current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout;",
      "003_own.sql":
        "-- slipway: statement-timeout 2min\n-- slipway: lock-timeout 7s\nINSERT INTO here SELECT current_user, current_setting('lock_timeout'), current_setting('statement_timeout');",
    });
    await up({ folder, connection, schemas: ["app"] });
    expect(await server.sql("SELECT * FROM app.here", nameIn(connection))).toEqual([
      { who: "postgres", path: "app, public", timeout: "0" },
      { who: "postgres", path: "7s", timeout: "2min" },
    ]);
  });

  it("ignores the timeouts of the role", async () => {
    const connection = await server.database();
    await server.sql("CREATE ROLE hasty LOGIN SUPERUSER");
    const names = await server.sql(
      "SELECT name FROM pg_settings WHERE name IN ('statement_timeout', 'idle_session_timeout', 'transaction_timeout')",
    );
    for (const { name } of names) await server.sql(`ALTER ROLE hasty SET ${name} = '100ms'`);
    const { path: folder } = folderOf({
      "001_a.sql": "SELECT pg_sleep(0.2); CREATE TABLE a (id int);",
      "002_b.sql": "SELECT pg_sleep(0.2);",
    });
    expect((await up({ folder, connection: { url: server.url(nameIn(connection), "hasty") } })).applied).toHaveLength(2);
  });

  it("discards temporary tables, prepared statements and cursors between files", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_a.sql":
        "CREATE TABLE users (id int); CREATE TEMP TABLE users (id int); PREPARE p AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1;",
      "002_b.sql":
        "ALTER TABLE users ADD name text; PREPARE p AS SELECT 2; DECLARE c CURSOR WITH HOLD FOR SELECT 2; CREATE TEMP TABLE users (id int);",
      "003_c.sql":
        "-- slipway: no-transaction\nPREPARE p AS SELECT 3;\nCREATE INDEX CONCURRENTLY users_name ON users (name);\nDECLARE c CURSOR WITH HOLD FOR SELECT 3;",
      "004_d.sql": "PREPARE p AS SELECT 4; DECLARE c CURSOR WITH HOLD FOR SELECT 4;",
      "005_e.sql": "-- slipway: no-transaction\nPREPARE p AS SELECT 5;\nVACUUM users;",
      "006_f.sql":
        "CREATE TABLE left_behind AS SELECT name FROM pg_prepared_statements UNION ALL SELECT name FROM pg_cursors WHERE is_holdable;",
    });
    expect((await up({ folder, connection })).applied).toHaveLength(6);
    expect(await server.sql("SELECT * FROM left_behind", nameIn(connection))).toEqual([]);
    const columns = await server.sql(
      "SELECT attname FROM pg_attribute WHERE attrelid = 'public.users'::regclass AND attnum > 0",
      nameIn(connection),
    );
    expect(columns).toEqual([{ attname: "id" }, { attname: "name" }]);
  });

  it("works if a login trigger sets transaction_timeout", async () => {
    const connection = await server.database();
    const newer = await server.sql("SELECT FROM pg_settings WHERE name = 'transaction_timeout'");
    if (newer.length > 0)
      await server.sql(
        `CREATE FUNCTION on_login() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('transaction_timeout', '1h', false); END $$;
         CREATE EVENT TRIGGER on_login ON login EXECUTE FUNCTION on_login();`,
        nameIn(connection),
      );
    const { path: folder } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);" });
    expect((await up({ folder, connection })).applied).toHaveLength(1);
  });

  it("repeats the SET statements of a non-transactional file when a run resumes it", async () => {
    const connection = await server.database();
    const files = (index: string) => ({
      "001_a.sql": "CREATE SCHEMA app; CREATE TABLE app.t (a int); INSERT INTO app.t VALUES (1), (1);",
      "002_b.sql": `-- slipway: no-transaction\nSET search_path = app; -- ours\nINSERT INTO t VALUES (2);\nCREATE ${index} CONCURRENTLY t_a ON t (a);`,
      "003_c.sql": "CREATE TABLE seen AS SELECT current_setting('search_path') AS path;",
    });
    const { path: folder, write } = folderOf(files("UNIQUE INDEX"));
    expect((await failure(up({ folder, connection }))).message).toContain('could not create unique index "t_a"');
    write(files("INDEX"));
    await up({ folder, connection });
    const database = nameIn(connection);
    expect(
      await server.sql(
        "SELECT indexrelid::regclass::text AS index, indisvalid AS valid FROM pg_index WHERE indrelid = 'app.t'::regclass",
        database,
      ),
    ).toEqual([{ index: "app.t_a", valid: true }]);
    expect(await server.sql("SELECT count(*)::int AS rows, (SELECT path FROM seen) AS path FROM app.t", database)).toEqual([
      { rows: 3, path: '"$user", public' },
    ]);
  });

  it("records empty files and files with only comments", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_a.sql": "",
      "002_b.sql": "-- nothing\n/* yet */",
      "003_c.sql": ";;\r\n;",
      "004_d.sql": "-- slipway: no-transaction\n-- later",
    });
    expect((await up({ folder, connection })).applied.map(({ file }) => file)).toEqual([
      "001_a.sql",
      "002_b.sql",
      "003_c.sql",
      "004_d.sql",
    ]);
    expect((await up({ folder, connection })).applied).toEqual([]);
  });

  it("creates objects as the owner role, whichever role connects", async () => {
    const connection = await server.database();
    await server.sql(
      `CREATE ROLE its_owner; GRANT CREATE ON DATABASE ${nameIn(connection)} TO its_owner; CREATE SCHEMA app AUTHORIZATION its_owner`,
      nameIn(connection),
    );
    const { path: folder } = folderOf({
      "001_a.sql": "CREATE TABLE a (id int);",
      "002_b.sql": "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);",
    });
    await up({ folder, connection, schemas: ["app"], owner: "its_owner" });
    const owners = await server.sql(
      "SELECT relname, relowner::regrole::text AS owner FROM pg_class WHERE relname IN ('a', 'a_id', 'events') ORDER BY 1",
      nameIn(connection),
    );
    expect(owners).toEqual(["a", "a_id", "events"].map((relname) => ({ relname, owner: "its_owner" })));
  });

  it("applies files that end in a comment, start with a byte-order mark, or use CRLF", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_comment.sql": "CREATE TABLE a (id int) -- no line end, no semicolon",
      "002_mark.sql": "\ufeffCREATE TABLE b (id int);",
      "003_crlf.sql": "CREATE TABLE c (\r\n  text text DEFAULT 'a\r\nb'\r\n);\r\n-- end\r\n",
      "004_block.sql": "CREATE TABLE d (id int); /* done",
    });
    expect((await failure(up({ folder, connection }))).message).toContain("004_block.sql:1:26");
    expect(await server.sql("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace", nameIn(connection))).toEqual([]);
    const ok = folderOf({
      "001_comment.sql": "CREATE TABLE a (id int) -- no line end, no semicolon",
      "002_mark.sql": "\ufeffCREATE TABLE b (id int);",
      "003_crlf.sql": "CREATE TABLE c (\r\n  text text DEFAULT 'a\r\nb'\r\n);\r\n-- end\r\n",
    });
    expect((await up({ folder: ok.path, connection })).applied).toHaveLength(3);
    expect(await server.sql("INSERT INTO c DEFAULT VALUES RETURNING text", nameIn(connection))).toEqual([{ text: "a\r\nb" }]);
  });

  it("shows the right position after a byte-order mark, an emoji and a tab, in the second file of a message", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_a.sql": "SELECT '🙂🙂🙂';",
      "002_b.sql": "\ufeff-- 🙂\n\tSELECT '🙂', nothing_here FROM nowhere;",
    });
    const error = await failure(up({ folder, connection }));
    expect(error.message.split("\n").slice(0, 4)).toEqual([
      '002_b.sql:2:32: relation "nowhere" does not exist (42P01)',
      "  1 | -- 🙂",
      "  2 | \tSELECT '🙂', nothing_here FROM nowhere;",
      `    | \t${" ".repeat(30)}^`,
    ]);
  });

  it("shows the statement if the error has no position, and the function that failed", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({ "001_a.sql": "SELECT 1;\n\nSELECT 1 / (1 - 1);\n", "002_b.sql": "" });
    expect((await failure(up({ folder, connection }))).message).toContain("001_a.sql:3:1: division by zero (22012)");
    const other = folderOf({
      "001_f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1 / 0; END $$;\nSELECT f();",
    });
    expect((await failure(up({ folder: other.path, connection }))).message).toMatch(
      /001_f.sql:2:1: division by zero[\s\S]*in: (SQL|PL\/pgSQL) expression "1 \/ 0"/,
    );
  });

  it("reports a deferred constraint that fails at COMMIT", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_a.sql": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES a DEFERRABLE INITIALLY DEFERRED);",
      "002_b.sql": "INSERT INTO a VALUES (1, 99);\nSELECT 1;",
    });
    expect((await failure(up({ folder, connection }))).message).toMatch(
      /^002_b.sql: insert or update on table "a" violates.*\n.*at the end of the file, during COMMIT/,
    );
    expect(await server.sql("SELECT * FROM a", nameIn(connection))).toEqual([]);
  });

  it("rejects a COMMIT inside a DO block, and rolls back the file", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);\nDO $$ BEGIN COMMIT; END $$;" });
    const error = await failure(up({ folder, connection }));
    expect(error.message).toMatch(/invalid transaction termination \(2D000\)[\s\S]*no-transaction/);
    expect(await server.sql("SELECT FROM pg_class WHERE relname = 'a'", nameIn(connection))).toEqual([]);
  });

  it("reports the notices of the server with the line", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({
      "001_a.sql": "SELECT 1;\nDROP TABLE IF EXISTS never;",
      "002_b.sql": "-- slipway: no-transaction\nSELECT 1;\n\nDO $$ BEGIN RAISE WARNING 'look'; END $$;",
    });
    const notices: string[] = [];
    await up({
      folder,
      connection,
      onProgress: (event) =>
        void (event.kind === "notice" && notices.push(`${event.file}:${event.line} ${event.notice.severity} ${event.notice.message}`)),
    });
    expect(notices).toEqual(['001_a.sql:2 NOTICE table "never" does not exist, skipping', "002_b.sql:4 WARNING look"]);
  });

  it("stops after the file of the option `to`", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf({ "001_a.sql": "", "002_b.sql": "", "003_c.sql": "" });
    expect((await up({ folder, connection, to: "002_b.sql" })).applied).toHaveLength(2);
    expect((await failure(up({ folder, connection, to: "004_d.sql" }))).message).toMatch(
      /004_d.sql is not in .*001_a.sql, 002_b.sql, 003_c.sql/,
    );
  });

  it("applies unchanged repeatable files again after a file that drops a view", async () => {
    const connection = await server.database();
    const { path: folder, write } = folderOf({
      "001_a.sql": "CREATE TABLE a (id int);",
      "R_view.sql": "CREATE OR REPLACE VIEW v AS SELECT * FROM a;",
      "R_other.sql": "SELECT 1;",
    });
    await up({ folder, connection });
    write({ "002_wider.sql": "DROP VIEW v; ALTER TABLE a ALTER id TYPE bigint;" });
    expect((await up({ folder, connection })).applied.map(({ file }) => file)).toEqual(["002_wider.sql", "R_other.sql", "R_view.sql"]);
    expect((await up({ folder, connection })).applied).toEqual([]);
    expect(await server.sql("SELECT * FROM v", nameIn(connection))).toEqual([]);
  });

  it("applies 3000 files", async () => {
    const connection = await server.database();
    const { path: folder } = folderOf(
      Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`${n + 1}_t.sql`, `CREATE TABLE t${n + 1} (id int);`])),
    );
    expect((await up({ folder, connection })).applied.at(-1)!.file).toBe("3000_t.sql");
  });
});

describe("an existing database", () => {
  it("is rejected before anything is applied if it contains tables that the files create", async () => {
    const connection = await server.database();
    await server.sql("CREATE TABLE c (id int)", nameIn(connection));
    const { path: folder } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);", "002_c.sql": "CREATE TABLE c (id int);" });
    const error = await failure(up({ folder, connection }));
    expect([error.exit, error.message]).toEqual([
      2,
      expect.stringMatching(/002_c.sql: all of its tables exist \(c\)[\s\S]*slipway migrate baseline --applied/),
    ]);
    expect(await server.sql("SELECT FROM pg_class WHERE relname = 'a'", nameIn(connection))).toEqual([]);
  });

  it.each([
    ["a table events", "CREATE TABLE slipway.events (x int)"],
    ["a table about", "CREATE TABLE slipway.about (x int)"],
    ["a view applied", "CREATE VIEW slipway.applied AS SELECT 1 AS one"],
  ])("is not changed if another application has a schema slipway with %s", async (_, sql) => {
    const connection = await server.database();
    const { path: folder } = folderOf({ "001_a.sql": "CREATE TABLE a (id int);" });
    await server.sql(`CREATE SCHEMA slipway; ${sql}`, nameIn(connection));
    const error = await failure(up({ folder, connection }));
    expect([error.code, error.exit, error.message]).toEqual(["foreign-ledger", 2, expect.stringContaining("--ledger slipway_ledger")]);
    expect(
      await server.sql("SELECT FROM pg_class WHERE relnamespace IN ('slipway'::regnamespace, 'public'::regnamespace)", nameIn(connection)),
    ).toHaveLength(1);
  });

  it("keeps the objects of other applications unchanged, down to the row versions of the catalog [F8]", async () => {
    const connection = await server.database();
    const sql = (text: string) => server.sql(text, nameIn(connection));
    await sql(`CREATE ROLE neighbour; CREATE ROLE shop_owner LOGIN; CREATE SCHEMA theirs AUTHORIZATION neighbour; SET ROLE neighbour;
      ${Array.from({ length: 29 }, (_, n) => `CREATE TABLE theirs.t${n} (id serial PRIMARY KEY, x text); GRANT SELECT ON theirs.t${n} TO pg_monitor; INSERT INTO theirs.t${n} (x) VALUES ('row');`).join("\n")}
      CREATE VIEW theirs.v AS SELECT * FROM theirs.t1; CREATE FUNCTION theirs.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE;
      GRANT CREATE ON DATABASE ${nameIn(connection)} TO shop_owner; GRANT CREATE ON SCHEMA public TO shop_owner;`);
    const theirs = () =>
      sql(`SELECT 'class' AS kind, c.oid, c.xmin::text, c.relname, c.relacl::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'theirs'
        UNION ALL SELECT 'attribute', attrelid, a.xmin::text, attname, attacl::text FROM pg_attribute a WHERE attrelid::regclass::text LIKE 'theirs.%'
        UNION ALL SELECT 'function', p.oid, p.xmin::text, proname, proacl::text FROM pg_proc p WHERE pronamespace = 'theirs'::regnamespace
        UNION ALL SELECT 'schema', oid, xmin::text, nspname, nspacl::text FROM pg_namespace WHERE nspname = 'theirs' ORDER BY 1, 2, 4`);
    const before = await theirs();
    const { path: folder } = folderOf({
      "001_a.sql": "CREATE TABLE a (id int);",
      "001_a.down.sql": "DROP TABLE a;",
      "002_b.sql": "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY a_id ON a (id);",
      "002_b.down.sql": "-- slipway: no-transaction\nDROP INDEX CONCURRENTLY a_id;",
    });
    const options = { folder, connection: { url: server.url(nameIn(connection), "shop_owner") } };
    await up(options);
    await down({ ...options, to: "nothing" });
    await up(options);
    expect(await theirs()).toEqual(before);
    await sql("ALTER TABLE theirs.t1 ADD y int; CREATE TABLE theirs.more (id int)");
    expect((await status(options)).drift).toEqual([]);
  });
});

describe("a folder that does not match the ledger", () => {
  async function applied() {
    const connection = await server.database();
    const folder = folderOf({ "001_a.sql": "CREATE TABLE a (id int);", "003_c.sql": "CREATE TABLE c (id int);" });
    await up({ folder: folder.path, connection });
    return { connection, folder, again: () => up({ folder: folder.path, connection }) };
  }

  it("is rejected if an applied file was edited, with the user, the time and both checksums [D18]", async () => {
    const { folder, again } = await applied();
    folder.write({ "001_a.sql": "CREATE TABLE a (id bigint);", "004_d.sql": "CREATE TABLE d (id int);" });
    const error = await failure(again());
    expect(error.exit).toBe(2);
    expect(error.message).toMatch(
      /001_a.sql was changed after it was applied \(\d{4}-.*, by postgres; checksum was [0-9a-f]{12}, is [0-9a-f]{12}\)[\s\S]*repair --accept 001_a.sql --reason/,
    );
  });

  it("is accepted and reported if an applied file changed in formatting or comments only", async () => {
    const { folder, again } = await applied();
    folder.write({ "001_a.sql": "-- the first\ncreate table A\n  (id INT)\n" });
    expect(await again()).toEqual({ applied: [], reformatted: ["001_a.sql"] });
  });

  it("is rejected if an applied file is missing, and a renamed file is recognized", async () => {
    const { folder, again } = await applied();
    folder.remove("003_c.sql");
    expect((await failure(again())).message).toMatch(/003_c.sql was applied .* and is not in the folder[\s\S]*--retire 003_c.sql/);
    folder.write({ "003_see.sql": "CREATE TABLE c (id int);" });
    expect((await failure(again())).message).toMatch(/appears to be renamed to 003_see.sql[\s\S]*--rename 003_c.sql=003_see.sql/);
  });

  it("is rejected if a new file comes before an applied one, unless that is allowed; the ledger then records it [F9]", async () => {
    const { folder, again, connection } = await applied();
    folder.write({ "002_b.sql": "CREATE TABLE b (id int);" });
    expect((await failure(again())).message).toMatch(/002_b.sql is new and comes before 003_c.sql, which is applied/);
    await up({ folder: folder.path, connection, allowOutOfOrder: true });
    expect(await server.sql("SELECT note FROM slipway.applied WHERE file = '002_b.sql'", nameIn(connection))).toEqual([
      { note: "out of order, after 003_c.sql" },
    ]);
    expect((await again()).applied).toEqual([]);
  });

  it("identifies a file by its whole name and its checksum, and warns about a second file with the same number [F9]", async () => {
    const { folder, connection, again } = await applied();
    folder.write({ "003_d.sql": "CREATE TABLE d (id int);" });
    const { findings } = await lint({ folder: folder.path });
    expect(findings.filter(({ rule }) => rule === "equal-numbers")).toMatchObject([{ severity: "warning", file: "003_d.sql" }]);
    expect((await again()).applied.map(({ file }) => file)).toEqual(["003_d.sql"]);
    const ledger = await server.sql("SELECT file, checksum FROM slipway.applied ORDER BY file", nameIn(connection));
    expect(ledger).toEqual(readFolder(folder.path).files.map(({ name, checksum }) => ({ file: name, checksum })));
    folder.write({ "003_d.sql": "CREATE TABLE d (id bigint);" });
    expect((await failure(again())).message).toMatch(/003_d.sql was changed after it was applied/);
  });

  it("is rejected if the ledger belongs to another system or a newer slipway", async () => {
    const { again, connection, folder } = await applied();
    await server.sql("UPDATE slipway.about SET system = 'shop'", nameIn(connection));
    expect((await failure(up({ folder: folder.path, connection, system: "other" }))).message).toMatch(
      /belongs to shop, but this run is for other/,
    );
    await server.sql("UPDATE slipway.about SET version = 99", nameIn(connection));
    const error = await failure(again());
    expect([error.code, error.exit]).toEqual(["newer-ledger", 2]);
    expect(error.message).toMatch(/newer slipway .*npm install slipway@latest/);
  });
});
