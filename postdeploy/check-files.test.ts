import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findFileErrors } from "./check-files.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "slipway-check-files-"));
  for (const folder of ["sql", "keyspaces"]) mkdirSync(join(root, folder));
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (file: string, text: string) => writeFileSync(join(root, file), text);
const find = () => findFileErrors([{ system: "shop", migrations: join(root, "sql"), keyspaces: join(root, "keyspaces") }]);

const KEYSPACE = "keyspace: sessions\nstore: state\ndatabase: 0\ndurable: true\npurpose: Sessions\n";

it("finds nothing in files that can be parsed, and nothing in a keyspace folder that does not exist", async () => {
  write("sql/001_orders.sql", "CREATE TABLE orders (id uuid PRIMARY KEY);\n");
  write("keyspaces/sessions.yaml", KEYSPACE);
  expect(await find()).toEqual([]);
  rmSync(join(root, "keyspaces"), { recursive: true });
  expect(await find()).toEqual([]);
});

it("finds every error of every file, down migrations included, with line and column", async () => {
  write("sql/001_orders.sql", "CREATE TABLE orders (id uuid);\nALTER TABEL orders ADD note text;\n");
  write("sql/001_orders.down.sql", "DROP TABEL orders;\n");
  write("sql/orders.sql", "SELECT 1;\n");
  write("keyspaces/a.yaml", "keyspace: [\n");
  write("keyspaces/b.yaml", `${KEYSPACE}seeed: []\n`);
  write("keyspaces/c.yaml", `${KEYSPACE}seed:\n  - { key: one }\n`);
  const errors = await find();
  expect(errors).toHaveLength(6);
  for (const part of [
    'sql/001_orders.sql:2:7: syntax error at or near "TABEL".\n  | ALTER TABEL orders ADD note text;',
    'sql/001_orders.down.sql:1:6: syntax error at or near "TABEL".',
    "sql/orders.sql: The name has neither a number nor the prefix R_.",
    "keyspaces/a.yaml:",
    "keyspaces/b.yaml:6: ",
    "keyspaces/c.yaml:7: ",
  ])
    expect(errors.join("\n")).toContain(join(root, part));
});

it("finds two files that declare the same keyspace", async () => {
  write("keyspaces/a.yaml", KEYSPACE);
  write("keyspaces/b.yaml", KEYSPACE);
  expect(await find()).toEqual([expect.stringContaining("the keyspace sessions is already declared in")]);
});

it("names a folder of migrations that does not exist", async () => {
  rmSync(join(root, "sql"), { recursive: true });
  expect(await find()).toEqual([expect.stringContaining(`Folder ${join(root, "sql")} does not exist.`)]);
});
