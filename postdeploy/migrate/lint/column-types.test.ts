import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseText } from "../read/parse.ts";
import { commandsOf, fieldsOf } from "../read/statement.ts";
import { startServer, type TestServer } from "../testing/server.ts";
import { ColumnTypes } from "./column-types.ts";

/** Every change from one of these to another that a server makes without USING is compared with it. */
const TYPES = [
  ...[
    "varchar(10)",
    "varchar(20)",
    "varchar",
    "text",
    "char(10)",
    "char(20)",
    "numeric(8, 2)",
    "numeric(10, 2)",
    "numeric(10, 3)",
    "numeric",
  ],
  ...["smallint", "integer", "bigint", "oid", "real", "double precision", "timestamp", "timestamp(3)", "timestamp(6)", "timestamptz"],
  ...[
    "timestamptz(0)",
    "timestamptz(3)",
    "time",
    "time(3)",
    "date",
    "interval",
    "interval(3)",
    "cidr",
    "inet",
    "bit(3)",
    "varbit(3)",
    "varbit(5)",
    "varbit",
  ],
  ...["xml", "json", "jsonb", "uuid", "bytea", "text[]", "varchar(10)[]", "varchar(20)[]", "integer[]"],
];

describe("a change of a column's type", () => {
  let server: TestServer;
  let client: pg.Client;
  beforeAll(async () => {
    server = await startServer();
    client = new pg.Client(server.url("postgres"));
    await client.connect();
    await client.query("SET timezone = 'Europe/Berlin'");
  });
  afterAll(async () => {
    await client.end();
    await server.stop();
  });

  it.each(TYPES)("from %s rewrites the table on a server unless it keeps the rows", async (from) => {
    const wrong: string[] = [];
    for (const to of TYPES) {
      const [create, alter] = [`CREATE TABLE t (a ${from})`, `ALTER TABLE t ALTER a TYPE ${to}`];
      const [created, altered] = await Promise.all([create, alter].map(async (sql) => (await parseText("x", sql)).statements[0]!.node));
      const [command] = commandsOf(fieldsOf(altered!));
      const predicted = new ColumnTypes([{ node: created! }]).keepsRows("t", command!);
      const observed = await keepsFile(create, alter);
      // A rewrite that is predicted and does not happen costs a reader a look; the opposite costs an outage.
      if (observed !== undefined && predicted !== observed) wrong.push(`${from} to ${to}: predicted ${predicted}, is ${observed}`);
    }
    expect(wrong).toEqual([]);
  });

  /** @returns undefined if there is no such change without USING */
  async function keepsFile(create: string, alter: string): Promise<boolean | undefined> {
    const file = async () => (await client.query("SELECT pg_relation_filenode('t') AS file")).rows[0].file;
    await client.query("BEGIN");
    try {
      await client.query(create);
      const before = await file();
      await client.query(alter);
      return before === (await file());
    } catch (error) {
      if (!/cannot be cast automatically|does not exist/.test((error as Error).message)) throw error;
      return undefined;
    } finally {
      await client.query("ROLLBACK");
    }
  }

  it.each([
    ["ALTER TABLE t ALTER a TYPE text", true],
    ["ALTER TABLE public.t ALTER a TYPE text", true],
    ["ALTER TABLE t ALTER a TYPE text USING a || ''", false],
    ["ALTER TABLE t ALTER b TYPE text", false],
    ["ALTER TABLE unknown ALTER a TYPE text", false],
    ["ALTER TABLE renamed ALTER c TYPE varchar(30)", true],
  ])("is judged by the files: %s", async (sql, expected) => {
    const history = `CREATE TABLE public.t (a varchar(10), b integer); ALTER TABLE t ALTER a TYPE varchar(20);
      CREATE TABLE old (a int); ALTER TABLE old ADD b varchar(5); ALTER TABLE old RENAME b TO c; ALTER TABLE old RENAME TO renamed;`;
    const types = new ColumnTypes((await parseText("x", history)).statements);
    const node = (await parseText("x", sql)).statements[0]!.node;
    const table = /TABLE (\S+)/.exec(sql)![1]!;
    expect(types.keepsRows(table, commandsOf(fieldsOf(node))[0]!)).toBe(expected);
  });
});
