import { afterAll, describe, expect, it } from "vitest";
import { readFolder } from "../read/files.ts";
import { cleanFolders, folderOf } from "../testing/folder.ts";
import { type LintOptions, lintFolder } from "./index.ts";

afterAll(cleanFolders);

/** The rules reported for one file whose tables are in use. */
async function found(sql: string, options: LintOptions = {}): Promise<string[]> {
  const { path } = folderOf({ "001_used.sql": "", "002_new.sql": sql, "002_new.down.sql": "" });
  const findings = await lintFolder(readFolder(path), { files: ["002_new.sql"], ...options });
  return findings.filter(({ allowed }) => allowed === undefined).map(({ rule }) => rule);
}

const nonTransactional = "-- slipway: no-transaction\n";

describe("lint", () => {
  it.each([
    ["index-blocks-writes", "CREATE INDEX i ON used (a);"],
    ["drop-index-blocks", "DROP INDEX used_a;"],
    ["reindex-blocks", "REINDEX TABLE used;"],
    ["reindex-blocks", "REINDEX (concurrently false) TABLE used;"],
    ["drop-column", "ALTER TABLE used DROP a;"],
    ["drop-table", "DROP TABLE used;"],
    ["drop-schema", "DROP SCHEMA app;"],
    ["drop-view-or-function", "DROP VIEW v;"],
    ["drop-not-null", "ALTER TABLE used ALTER a DROP NOT NULL;"],
    ["column-type", "ALTER TABLE used ALTER a TYPE bigint;"],
    ["set-not-null", "ALTER TABLE used ALTER a SET NOT NULL;"],
    ["table-rewrite", "ALTER TABLE used SET UNLOGGED;"],
    ["attach-partition", "ALTER TABLE used ATTACH PARTITION x FOR VALUES IN (1);"],
    ["detach-partition", "ALTER TABLE used DETACH PARTITION x;"],
    ["add-column-rewrites", "ALTER TABLE used ADD x uuid DEFAULT gen_random_uuid();"],
    ["add-column-rewrites", "ALTER TABLE used ADD x bigint GENERATED ALWAYS AS IDENTITY;"],
    ["add-required-column", "ALTER TABLE used ADD x int NOT NULL;"],
    ["unique-blocks", "ALTER TABLE used ADD x int UNIQUE;"],
    ["unique-blocks", "ALTER TABLE used ADD PRIMARY KEY (a);"],
    ["unique-blocks", "ALTER TABLE used ADD EXCLUDE USING gist (r WITH &&);"],
    ["foreign-key-scans", "CREATE INDEX CONCURRENTLY i ON used (a); ALTER TABLE used ADD FOREIGN KEY (a) REFERENCES other;"],
    ["check-scans", "ALTER TABLE used ADD CHECK (a > 0);"],
    ["validate-in-same-file", "ALTER TABLE used ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE used VALIDATE CONSTRAINT c;"],
    ["rename-column", "ALTER TABLE used RENAME a TO b;"],
    ["rename-table", "ALTER TABLE used RENAME TO spent;"],
    ["set-schema", "ALTER TABLE used SET SCHEMA app;"],
    ["update-every-row", "UPDATE used SET a = 1;"],
    ["delete-every-row", "DELETE FROM used;"],
    ["truncate", "TRUNCATE used;"],
    ["lock-table", "LOCK TABLE used;"],
    ["vacuum-full", `${nonTransactional}VACUUM FULL used;`],
    ["vacuum-full", `${nonTransactional}VACUUM (FULL off, FULL) used;`],
    ["cluster", "CLUSTER used USING i;"],
    ["refresh-blocks", "REFRESH MATERIALIZED VIEW m;"],
    ["trigger-blocks", "CREATE TRIGGER t BEFORE INSERT ON used FOR EACH ROW EXECUTE FUNCTION f();"],
    ["drop-cascade", "DROP TYPE mood CASCADE;"],
    ["enum-value-order", "ALTER TYPE mood ADD VALUE 'soso';"],
    ["enum-value-used", "CREATE TYPE hue AS ENUM ('red'); ALTER TYPE hue ADD VALUE 'blue'; SELECT 'blue'::hue;"],
    ["enum-value-used", "ALTER TYPE mood ADD VALUE 'soso' BEFORE 'glad'; UPDATE x SET mood = 'soso' WHERE a;"],
    ["definer-search-path", "CREATE FUNCTION f() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT 1';"],
    ["definer-temporary-schema", "CREATE FUNCTION f() RETURNS int SECURITY DEFINER SET search_path = app LANGUAGE sql AS 'SELECT 1';"],
    [
      "definer-temporary-schema",
      "CREATE FUNCTION f() RETURNS int SECURITY DEFINER SET search_path = pg_temp, app LANGUAGE sql AS 'SELECT 1';",
    ],
    ["definer-temporary-schema", "CREATE FUNCTION f() RETURNS int SECURITY DEFINER SET search_path = '' LANGUAGE sql AS 'SELECT 1';"],
    ["definer-search-path", "CREATE FUNCTION f() RETURNS int SECURITY DEFINER SET search_path FROM CURRENT LANGUAGE sql AS 'SELECT 1';"],
    ["definer-search-path", "CREATE PROCEDURE p() SECURITY DEFINER LANGUAGE sql AS 'SELECT 1';"],
    ["definer-search-path", "ALTER FUNCTION f() SECURITY DEFINER;"],
    ["definer-search-path", "ALTER FUNCTION f() RESET search_path;"],
    ["definer-search-path", "ALTER FUNCTION f() RESET ALL;"],
    ["definer-temporary-schema", "ALTER FUNCTION f() SECURITY DEFINER SET search_path = app;"],
    ["default-privileges-without-role", "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO reader;"],
    ["grant-to-public", "GRANT SELECT ON used TO PUBLIC;"],
    ["domain-check", "CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');"],
    ["domain-scans", "ALTER DOMAIN email ADD CHECK (VALUE LIKE '%@%');"],
    ["drop-database", `${nonTransactional}DROP DATABASE other;`],
    ["password-in-file", "CREATE ROLE r LOGIN PASSWORD 'hunter2';"],
    ["policy-without-rls", "CREATE TABLE n (id bigint PRIMARY KEY); CREATE POLICY p ON n USING (true);"],
    ["rls-not-forced", "CREATE TABLE n (id bigint PRIMARY KEY); ALTER TABLE n ENABLE ROW LEVEL SECURITY;"],
    [
      "view-bypasses-rls",
      "CREATE TABLE n (id bigint PRIMARY KEY); ALTER TABLE n ENABLE ROW LEVEL SECURITY; ALTER TABLE n FORCE ROW LEVEL SECURITY; CREATE VIEW v AS SELECT * FROM n;",
    ],
    [
      "view-bypasses-rls",
      "CREATE TABLE n (id bigint PRIMARY KEY); ALTER TABLE n ENABLE ROW LEVEL SECURITY; ALTER TABLE n FORCE ROW LEVEL SECURITY; CREATE VIEW v WITH (security_invoker = false) AS SELECT 1 FROM (SELECT * FROM n) s;",
    ],
    ["view-bypasses-rls", "ALTER VIEW v RESET (security_invoker);"],
    ["view-bypasses-rls", "ALTER VIEW v SET (security_invoker = off);"],
    [
      "materialized-view-copies-rls",
      "CREATE TABLE n (id bigint PRIMARY KEY); ALTER TABLE n ENABLE ROW LEVEL SECURITY; ALTER TABLE n FORCE ROW LEVEL SECURITY; CREATE MATERIALIZED VIEW v AS SELECT * FROM n;",
    ],
    ["foreign-key-without-index", "CREATE TABLE n (id bigint PRIMARY KEY, other_id bigint REFERENCES other);"],
    [
      "foreign-key-without-index",
      "CREATE TABLE n (id bigint PRIMARY KEY, a bigint, b bigint, FOREIGN KEY (a, b) REFERENCES other (a, b)); CREATE INDEX i ON n (b, id, a);",
    ],
    ["no-primary-key", "CREATE TABLE n (a text);"],
    ["char-type", "CREATE TABLE n (id bigint PRIMARY KEY, a char(3));"],
    ["timestamp-without-zone", "CREATE TABLE n (id bigint PRIMARY KEY, a timestamp);"],
    ["json-type", "CREATE TABLE n (id bigint PRIMARY KEY, a json);"],
    ["money-type", "CREATE TABLE n (id bigint PRIMARY KEY, a money);"],
    ["small-key", "CREATE TABLE n (id int PRIMARY KEY);"],
    ["serial", "CREATE TABLE n (id bigserial PRIMARY KEY);"],
    ["name-too-long", `CREATE TABLE ${"n".repeat(64)} (id bigint PRIMARY KEY);`],
    ["needless-no-transaction", `${nonTransactional}SELECT 1;`],
  ])("reports %s for: %s", async (rule, sql) => {
    const rules = await found(sql.startsWith("--") || !/CONCURRENTLY/.test(sql) ? sql : nonTransactional + sql);
    expect(rules).toEqual([rule]);
  });

  it.each([
    [
      "tables of the same set",
      "CREATE TABLE n (id bigint PRIMARY KEY, a int); CREATE INDEX i ON n (a); ALTER TABLE n ALTER a SET NOT NULL; ALTER TABLE n ADD CHECK (a > 0); UPDATE n SET a = 1; DROP TABLE n;",
    ],
    ["a column with a stable default", "ALTER TABLE used ADD x timestamptz NOT NULL DEFAULT now();"],
    ["a constraint that is not validated", "ALTER TABLE used ADD CONSTRAINT c CHECK (a > 0) NOT VALID;"],
    ["a constraint on an existing index", "ALTER TABLE used ADD CONSTRAINT c UNIQUE USING INDEX i;"],
    [
      "statements that run concurrently",
      `${nonTransactional}CREATE INDEX CONCURRENTLY i ON used (a); DROP INDEX CONCURRENTLY j; REINDEX TABLE CONCURRENTLY used;`,
    ],
    [
      "a SECURITY DEFINER function with a search path",
      "CREATE FUNCTION f() RETURNS int SECURITY DEFINER SET search_path = app, pg_temp LANGUAGE sql AS 'SELECT 1';",
    ],
    ["a function with the rights of its caller", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION f() STABLE;"],
    [
      "a function that gets the rights of its owner and a search path",
      "ALTER FUNCTION f() SECURITY DEFINER SET search_path TO app, 'pg_temp'; ALTER FUNCTION f() SET search_path = app, pg_temp;",
    ],
    ["a view that gets security_invoker", "ALTER VIEW v SET (security_invoker = true);"],
    ["a materialized view of a table without policies", "CREATE MATERIALIZED VIEW v AS SELECT * FROM used;"],
    [
      "a file that validates its own constraint outside a transaction",
      `${nonTransactional}ALTER TABLE used ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE used VALIDATE CONSTRAINT c;`,
    ],
    [
      "a view with security_invoker",
      "CREATE TABLE n (id bigint PRIMARY KEY); ALTER TABLE n ENABLE ROW LEVEL SECURITY; ALTER TABLE n FORCE ROW LEVEL SECURITY; CREATE VIEW v WITH (security_invoker = true) AS SELECT * FROM n;",
    ],
    [
      "an indexed foreign key",
      "CREATE TABLE n (id bigint PRIMARY KEY, other_id bigint REFERENCES other); CREATE INDEX i ON n (other_id, id);",
    ],
    [
      "a foreign key of two columns that an index has in the other order",
      "CREATE TABLE n (id bigint PRIMARY KEY, a bigint, b bigint, FOREIGN KEY (a, b) REFERENCES other (a, b)); CREATE INDEX i ON n (b, a, id);",
    ],
    ["UPDATE and DELETE with WHERE", "UPDATE used SET a = 1 WHERE a IS NULL; DELETE FROM used WHERE a = 2;"],
    ["a new enum value that the file does not use", "ALTER TYPE mood ADD VALUE 'soso' AFTER 'sad'; SELECT 'other';"],
    ["a renamed value of an enum, used at once", "ALTER TYPE mood RENAME VALUE 'soso' TO 'fair'; SELECT 'fair'::mood;"],
    ["a domain without a CHECK, or on a type of the same set", "CREATE DOMAIN a AS text; CREATE DOMAIN b AS a CHECK (VALUE <> '');"],
    ["VACUUM with FULL switched off", `${nonTransactional}VACUUM (FULL FALSE) used; VACUUM (FULL, FULL off) used; VACUUM (FULL 0) used;`],
    ["a long string that is not a name", `SELECT '${"n".repeat(80)}';`],
  ])("reports nothing for %s", async (_, sql) => {
    expect(await found(sql)).toEqual([]);
  });

  it.each([
    [
      "validated in an earlier file",
      "ALTER TABLE used ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID;",
      "ALTER TABLE used VALIDATE CONSTRAINT c;",
      [],
    ],
    ["validated at once, together with another column", "ALTER TABLE used ADD CHECK (b IS NOT NULL AND a IS NOT NULL);", "", []],
    [
      "NOT NULL of Postgres 18 that was validated",
      "ALTER TABLE used ADD CONSTRAINT c NOT NULL a NOT VALID;",
      "ALTER TABLE used VALIDATE CONSTRAINT c;",
      [],
    ],
    ["never validated", "ALTER TABLE used ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID;", "", ["set-not-null"]],
    [
      "validated and dropped",
      "ALTER TABLE used ADD CONSTRAINT c CHECK (a IS NOT NULL);",
      "ALTER TABLE used DROP CONSTRAINT c;",
      ["set-not-null"],
    ],
    [
      "of a column that was dropped and re-created",
      "ALTER TABLE used ADD CHECK (a IS NOT NULL);",
      "ALTER TABLE used DROP COLUMN a, ADD COLUMN a int;",
      ["set-not-null"],
    ],
    [
      "dropped together with another column that it references",
      "ALTER TABLE used ADD CHECK (a IS NOT NULL AND abs(used.b) > 0);",
      "ALTER TABLE used DROP b;",
      ["set-not-null"],
    ],
    ["that does not reference a dropped column", "ALTER TABLE used ADD CHECK (a IS NOT NULL);", "ALTER TABLE used DROP b;", []],
    [
      "of a column that was renamed",
      "ALTER TABLE used ADD CHECK (a IS NOT NULL);",
      "ALTER TABLE used RENAME a TO z; ALTER TABLE used ADD a int;",
      ["set-not-null"],
    ],
    ["of a column that was renamed to this name", "ALTER TABLE used ADD CHECK (z IS NOT NULL);", "ALTER TABLE used RENAME z TO a;", []],
    [
      "renamed and then dropped",
      "ALTER TABLE used ADD CONSTRAINT c CHECK (a IS NOT NULL);",
      "ALTER TABLE used RENAME CONSTRAINT c TO d; ALTER TABLE used DROP CONSTRAINT d;",
      ["set-not-null"],
    ],
    [
      "of a table that was renamed",
      "ALTER TABLE used ADD CHECK (a IS NOT NULL);",
      "ALTER TABLE used RENAME TO former; CREATE TABLE used (a int);",
      ["set-not-null"],
    ],
    ["of another column", "ALTER TABLE used ADD CHECK (b IS NOT NULL);", "", ["set-not-null"]],
    ["of another table", "ALTER TABLE other ADD CHECK (a IS NOT NULL);", "", ["set-not-null"]],
    ["that allows NULL", "ALTER TABLE used ADD CHECK (a IS NOT NULL OR b);", "", ["set-not-null"]],
  ])("reports SET NOT NULL unless a constraint proves it: a constraint %s", async (_, first, second, expected) => {
    const { path } = folderOf({
      "001_used.sql": first,
      "002_check.sql": second,
      "003_new.sql": "ALTER TABLE used ALTER a SET NOT NULL;",
      "003_new.down.sql": "",
    });
    const findings = await lintFolder(readFolder(path), { files: ["003_new.sql"] });
    expect(findings.map(({ rule }) => rule)).toEqual(expected);
  });

  it("suppresses a rule for the whole file or for the next statement, with the reason", async () => {
    const { path } = folderOf({
      "001_a.sql":
        "-- slipway: allow drop-table no release reads them\n-- slipway: irreversible gone is gone\nDROP TABLE a;\n\n-- slipway: allow truncate it is a cache\n-- and empty\nTRUNCATE b;\nTRUNCATE c;",
    });
    const findings = await lintFolder(readFolder(path));
    expect(findings.map(({ rule, line, allowed }) => [rule, line, allowed])).toEqual([
      ["drop-table", 3, "no release reads them"],
      ["truncate", 7, "it is a cache"],
      ["truncate", 8, undefined],
    ]);
  });

  it("accepts the former id of a renamed rule in a suppression", async () => {
    const { path } = folderOf({ "001_a.sql": "-- slipway: allow no-way-back the table is a cache\nSELECT 1;" });
    expect(await lintFolder(readFolder(path))).toMatchObject([{ rule: "no-down-migration", allowed: "the table is a cache" }]);
  });

  it("does not suppress errors", async () => {
    expect(await found("-- slipway: allow transaction I like it\nCOMMIT;")).toEqual(["transaction"]);
  });

  it("reports missing down migrations, equal numbers and undeclared extensions of a folder", async () => {
    const { path } = folderOf({ "001_a.sql": "CREATE EXTENSION postgis;", "001_b.sql": "-- slipway: irreversible it is data\n" });
    const seen = await lintFolder(readFolder(path), { extensions: ["pgcrypto"], strictNumbers: true });
    expect(seen.map(({ rule, severity, file }) => `${severity} ${rule} ${file}`)).toEqual([
      "warning no-down-migration 001_a.sql",
      "warning undeclared-extension 001_a.sql",
      "error equal-numbers 001_b.sql",
    ]);
  });
});
