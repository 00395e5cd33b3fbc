import { afterAll, beforeAll, expect, it } from "vitest";
import { type Table, tables } from "./tables.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";
import { startServer, type TestServer } from "./testing/server.ts";

let server: TestServer;
let read: readonly Table[];

const FILES = {
  "001_shop.sql": `
CREATE TABLE public.accounts (id uuid PRIMARY KEY, email varchar(255) NOT NULL UNIQUE, manager uuid REFERENCES public.accounts);
CREATE TABLE shop.orders (account uuid NOT NULL REFERENCES public.accounts, number int, total numeric(10,2), PRIMARY KEY (account, number));
CREATE TABLE shop.lines (account uuid, number int, line int, note text, PRIMARY KEY (account, number, line),
  FOREIGN KEY (account, number) REFERENCES shop.orders (account, number));
CREATE TABLE shop.settings (account uuid PRIMARY KEY REFERENCES public.accounts, theme text);
CREATE UNIQUE INDEX ON shop.settings (theme) WHERE theme <> '';
CREATE TABLE shop.events (at timestamptz NOT NULL, account uuid REFERENCES public.accounts, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');`,
  "001_shop.down.sql": "DROP SCHEMA shop CASCADE; DROP TABLE public.accounts;",
};

beforeAll(async () => {
  server = await startServer();
  const shadow = await server.database();
  read = await tables({ folder: folderOf(FILES).path, shadow, schemas: ["public", "shop"] });
});
afterAll(async () => {
  await server.stop();
  cleanFolders();
});

const table = (name: string) => read.find((one) => one.name === name)!;

it("reads the tables of every schema, without the ledger and without partitions", () => {
  expect(read.map(({ schema, name, partitioned }) => [`${schema}.${name}`, partitioned])).toEqual([
    ["public.accounts", false],
    ["shop.events", true],
    ["shop.lines", false],
    ["shop.orders", false],
    ["shop.settings", false],
  ]);
});

it("reads types, primary keys of several columns, and unique columns without those of a partial index", () => {
  expect(table("accounts").columns).toMatchObject([
    { name: "id", type: "uuid", notNull: true, primaryKey: true },
    { name: "email", type: "character varying(255)", notNull: true, primaryKey: false, unique: true },
    { name: "manager", type: "uuid", notNull: false, primaryKey: false, unique: false },
  ]);
  expect(
    table("lines")
      .columns.filter(({ primaryKey }) => primaryKey)
      .map(({ name }) => name),
  ).toEqual(["account", "number", "line"]);
  expect(table("settings").columns.map(({ unique }) => unique)).toEqual([true, false]);
});

it("reads each foreign key once: to the table itself, of several columns, of a partitioned table, and at most one row", () => {
  const account = { schema: "public", name: "accounts", columns: ["id"] };
  expect(Object.fromEntries(read.map(({ name, references }) => [name, references]))).toEqual({
    accounts: [{ columns: ["manager"], to: account, required: false, unique: false }],
    orders: [{ columns: ["account"], to: account, required: true, unique: false }],
    lines: [
      {
        columns: ["account", "number"],
        to: { schema: "shop", name: "orders", columns: ["account", "number"] },
        required: true,
        unique: false,
      },
    ],
    settings: [{ columns: ["account"], to: account, required: true, unique: true }],
    events: [{ columns: ["account"], to: account, required: false, unique: false }],
  });
});

it("leaves no database behind", async () => {
  expect(await server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'slipway_shadow%'")).toEqual([]);
});
