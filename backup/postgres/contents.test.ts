import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open, type Session } from "../../postdeploy/connect/session.ts";
import { MAJORS, startServer, type TestServer } from "../../postdeploy/migrate/testing/server.ts";
import { listTables, READER_SETTINGS, readTables } from "./contents.ts";

/** Two values of a type that compare as equal, or that a careless digest takes for the same. */
const PAIRS: readonly (readonly [type: string, one: string, other: string])[] = [
  ["numeric", "1.0", "1.00"],
  ["numeric", "0.0", "0.00"],
  ["numeric", "NULL", "'NaN'"],
  ["numeric", "'NaN'", "'Infinity'"],
  ["numeric", "'Infinity'", "'-Infinity'"],
  ["numeric(20,4)", "1.5", "-1.5"],
  ["numeric", "1", "10000"],
  ["numeric", "0.0001", "1"],
  ["smallint", "1", "-1"],
  ["int", "NULL", "0"],
  ["bigint", "1", "4294967297"],
  ["uuid", "NULL", "'00000000-0000-0000-0000-000000000000'"],
  ["jsonb", "NULL", "'null'"],
  ["bool", "NULL", "false"],
  ["date", "NULL", "'2000-01-01'"],
  ["float8", "'0'", "'-0'"],
  ["float8", "'NaN'", "'Infinity'"],
  ["interval", "'1 mon'", "'30 days'"],
  ["json", "'{\"a\": 1}'", "'{\"a\":1}'"],
  ["jsonb", "'{\"a\": 1}'", '\'{"a": "1"}\''],
  ["text", "NULL", "''"],
  ["text", "NULL", "'NULL'"],
  ["text", "'a'", "'a '"],
  ["text COLLATE loose", "'a'", "'A'"],
  ["varchar(9)", "'\u00e9'", "'e\u0301'"],
  ["mood", "'good'", "'bad'"],
  ["positive", "1", "2"],
  ["point", "'(1,2)'", "'(2,1)'"],
  ["int[]", "'{1,2}'", "'{2,1}'"],
  ["int[]", "'[0:1]={1,2}'", "'{1,2}'"],
  ["text[]", "'{NULL}'", "'{\"NULL\"}'"],
  ["int4range", "'[1,2]'", "'[1,4)'"],
  ["bit varying", "B'0'", "B'00'"],
  ["timetz", "'10:00+00'", "'11:00+01'"],
  ["timestamptz", "'2026-03-29 00:59:59.999999+00'", "'2026-03-29 01:00:00+00'"],
  ["bytea", "'\\x00'", "'\\x0000'"],
  ["tsvector", "'a:1'", "'a'"],
  ["xml", "'<a/>'", "'<a></a>'"],
  ["inet", "'10.0.0.1/24'", "'10.0.0.1/16'"],
  ["pair", "ROW(1, 2)", "ROW(2, 1)"],
];

const SCHEMA = `
  CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TYPE pair AS (a int, b int);
  ${PAIRS.map(([type], index) => `CREATE TABLE t${index} (value ${type});`).join(" ")}
  CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES;
  CREATE TABLE two (a text, b text);
  CREATE SCHEMA "a.b"; CREATE TABLE "a.b".c (n int); CREATE SCHEMA a; CREATE TABLE a."b.c" (t text, u text);`;

describe.each(MAJORS)("the checksum of a table on Postgres %i", (major) => {
  let server: TestServer;
  let session: Session;
  beforeAll(async () => {
    server = await startServer({ major });
    await server.database("shop");
    await server.sql(SCHEMA, "shop");
    session = await open({ url: server.url("shop") }, { application: "a test", settings: READER_SETTINGS });
  });
  afterAll(async () => {
    await session?.end();
    await server?.stop();
  });

  const read = async () => new Map((await readTables([session], await listTables(session))).map(({ name, checksum }) => [name, checksum]));
  const fill = (sql: (pair: (typeof PAIRS)[number], index: number) => string) =>
    server.sql(PAIRS.map((pair, index) => `TRUNCATE t${index}; ${sql(pair, index)};`).join(" "), "shop");

  it("differs for values that are equal and not the same, of every kind of type", async () => {
    await fill(([, one], index) => `INSERT INTO t${index} VALUES (${one})`);
    const first = await read();
    await fill(([, , other], index) => `INSERT INTO t${index} VALUES (${other})`);
    const second = await read();
    for (const [index, pair] of PAIRS.entries())
      expect(first.get(`public.t${index}`), pair.join(" ")).not.toBe(second.get(`public.t${index}`));
  });

  it("does not depend on the order of rows", async () => {
    await fill(([, one, other], index) => `INSERT INTO t${index} VALUES (${one}), (${other})`);
    const first = await read();
    await fill(([, one, other], index) => `INSERT INTO t${index} VALUES (${other}), (${one})`);
    expect(await read()).toEqual(first);
  });

  it("differs where columns changed places", async () => {
    const sumOf = async (values: string) => {
      await server.sql(`TRUNCATE two; INSERT INTO two VALUES ${values}`, "shop");
      return (await read()).get("public.two");
    };
    const sums = [await sumOf("('x', NULL)"), await sumOf("(NULL, 'x')"), await sumOf("('x', 'x')"), await sumOf("('xx', '')")];
    expect(new Set(sums).size).toBe(4);
  });

  it("differs where rows exchanged values, of any two of the columns", async () => {
    await server.sql("CREATE TABLE IF NOT EXISTS many (a int, b text, c timestamptz, d numeric, e float8)", "shop");
    const one = ["1", "'1'", "'2026-01-01'", "1", "1"];
    const other = ["2", "'2'", "'2026-01-02'", "2", "2"];
    const sums = new Set<string>();
    // Half of the exchanges: the other half has the same two rows in another order.
    for (let exchanged = 0; exchanged < 2 ** 4; exchanged++) {
      const rows = [one, other].map((row, at) =>
        row.map((value, column) => ((exchanged >> column) & 1 ? [other, one][at]![column]! : value)).join(", "),
      );
      await server.sql(`TRUNCATE many; INSERT INTO many VALUES (${rows.join("), (")})`, "shop");
      sums.add((await read()).get("public.many")!);
    }
    expect(sums.size).toBe(2 ** 4);
  });

  it("is read of a table with as many columns as Postgres allows", async () => {
    const columns = Array.from({ length: 1600 }, (_, index) => `c${index} int`);
    await server.sql(`CREATE TABLE wide (${columns.join(", ")}); INSERT INTO wide (c0, c1599) VALUES (1, 2)`, "shop");
    expect((await read()).get("public.wide")).toMatch(/^-?\d+$/);
  });

  it("runs no function of the database's owner", async () => {
    await server.sql(
      `CREATE TABLE called (n int); CREATE TYPE own AS (n int);
       CREATE FUNCTION own_text(own) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$;
       CREATE CAST (own AS text) WITH FUNCTION own_text(own);
       CREATE TABLE owned (value own); INSERT INTO owned VALUES (ROW(1));`,
      "shop",
    );
    expect((await read()).get("public.owned")).toMatch(/^-?\d+$/);
  });
});
