import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseText } from "../read/parse.ts";
import { fieldsOf, isParameterOn, needsNoTransaction } from "../read/statement.ts";
import { MAJORS, startServer, type TestServer } from "../testing/server.ts";
import { effectsOf } from "./effects.ts";

const nodeOf = async (sql: string) => (await parseText("x", sql)).statements[0]!.node;

describe.each(MAJORS)("boolean options are read as Postgres %s reads them", (major) => {
  let server: TestServer;
  let client: pg.Client;

  beforeAll(async () => {
    server = await startServer({ major });
    client = new pg.Client(server.url("postgres"));
    await client.connect();
    await client.query("CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE INDEX ON t (a)");
  });
  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  const first = async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows[0]!;
  const fileNodeOf = async (table: string) => (await first(`SELECT pg_relation_filenode('${table}') AS file`)).file;

  it.each([
    "VACUUM FULL t",
    "VACUUM t",
    "VACUUM (FULL) t",
    "VACUUM (FULL true) t",
    "VACUUM (FULL ON) t",
    "VACUUM (FULL 1) t",
    "VACUUM (FULL 'On') t",
    "VACUUM (FULL FALSE) t",
    "VACUUM (FULL Off) t",
    "VACUUM (FULL 0) t",
    "VACUUM (FULL 'OFF') t",
    'VACUUM (FULL "false") t',
    "VACUUM (FULL, ANALYZE, FULL off) t",
    "VACUUM (FULL off, FULL) t",
    "VACUUM (ANALYZE) t",
  ])("%s", async (sql) => {
    const before = await fileNodeOf("t");
    await client.query(sql);
    const works = effectsOf(await nodeOf(sql)).map(({ work }) => work);
    expect(works).toEqual([(await fileNodeOf("t")) === before ? "none" : "rewrite"]);
  });

  it.each([
    "REINDEX TABLE t",
    "REINDEX TABLE CONCURRENTLY t",
    "REINDEX (CONCURRENTLY) TABLE t",
    "REINDEX (CONCURRENTLY ON) TABLE t",
    "REINDEX (CONCURRENTLY 0) TABLE t",
    "REINDEX (CONCURRENTLY FALSE) TABLE t",
    "REINDEX (CONCURRENTLY off) TABLE CONCURRENTLY t",
  ])("%s", async (sql) => {
    await client.query("BEGIN");
    const isRejected = await client.query(sql).then(
      () => false,
      (error: pg.DatabaseError) => error.code === "25001",
    );
    await client.query("ROLLBACK");
    expect(needsNoTransaction(await nodeOf(sql)) !== undefined).toBe(isRejected);
  });

  it.each(["", "=true", "=on", "=1", "=yes", "='t'", "=false", "=off", "=OFF", "=0", "=no", "='n'", "='of'"])(
    "CREATE VIEW … WITH (security_invoker%s)",
    async (value) => {
      const sql = `CREATE OR REPLACE VIEW v WITH (security_invoker${value}) AS SELECT a FROM t`;
      await client.query(sql);
      const { on } = await first(
        "SELECT option_value::boolean AS on FROM pg_class, pg_options_to_table(reloptions) WHERE relname = 'v' AND option_name = 'security_invoker'",
      );
      expect(isParameterOn(fieldsOf(await nodeOf(sql)).options, "security_invoker")).toBe(on);
    },
  );

  it("a new column rewrites the table if its domain has a CHECK", async () => {
    await client.query("CREATE TABLE u (a int); INSERT INTO u VALUES (1); CREATE DOMAIN bare AS text");
    await client.query("CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%')");
    const [before] = [await fileNodeOf("u")];
    await client.query("ALTER TABLE u ADD b bare");
    expect(await fileNodeOf("u")).toBe(before);
    await client.query("ALTER TABLE u ADD c email");
    expect(await fileNodeOf("u")).not.toBe(before);
  });

  it("a new enum value sorts last, and cannot be used in the transaction that adds it", async () => {
    await client.query("CREATE TYPE mood AS ENUM ('sad', 'glad'); ALTER TYPE mood ADD VALUE 'soso'");
    expect(await first("SELECT max(v)::text AS last FROM unnest(enum_range(NULL::mood)) v")).toEqual({ last: "soso" });
    await client.query("BEGIN; ALTER TYPE mood ADD VALUE 'keen'");
    await expect(client.query("SELECT 'keen'::mood")).rejects.toMatchObject({ code: "55P04" });
    await client.query("ROLLBACK; BEGIN; ALTER TYPE mood RENAME VALUE 'soso' TO 'fair'; SELECT 'fair'::mood; ROLLBACK");
    // Postgres 17 allows it if the same transaction creates the type. lint covers 15 and 16 too.
    const ofNewType = client.query("BEGIN; CREATE TYPE hue AS ENUM ('red'); ALTER TYPE hue ADD VALUE 'blue'; SELECT 'blue'::hue");
    if (major < 17) await expect(ofNewType).rejects.toMatchObject({ code: "55P04" });
    else await ofNewType;
    await client.query("ROLLBACK");
  });
});
