import { afterAll, expect, it } from "vitest";
import { describeMigrations } from "./describe.ts";
import { readFolder } from "./read/files.ts";
import { cleanFolders, folderOf } from "./testing/folder.ts";

afterAll(cleanFolders);

it("describes locks, findings and reversibility of a file without a database", async () => {
  const { path } = folderOf({
    "001_made.sql": "CREATE TABLE orders (id bigint PRIMARY KEY, note text);",
    "002_new.sql":
      "CREATE TABLE fresh (id bigint PRIMARY KEY);\nCREATE INDEX ON fresh (id);\n\nALTER TABLE orders ALTER id TYPE numeric;\nUPDATE orders SET id = 1;",
    "003_apart.sql":
      "-- slipway: no-transaction\n-- slipway: irreversible indexes cost nothing\nCREATE INDEX CONCURRENTLY orders_note ON orders (note);",
    "004_back.sql": "ALTER TABLE orders DROP note;",
    "004_back.down.sql": "ALTER TABLE orders ADD note text;",
  });
  const described = await describeMigrations(readFolder(path), ["004_back.sql", "003_apart.sql", "002_new.sql"]);
  expect(described.map(({ file, transaction, statements, reversible }) => [file, transaction, statements, reversible])).toEqual([
    ["002_new.sql", true, 4, false],
    ["003_apart.sql", false, 1, "indexes cost nothing"],
    ["004_back.sql", true, 1, true],
  ]);
  expect(described.map(({ locks }) => locks)).toEqual([
    [{ table: "orders", line: 4, lock: "ACCESS EXCLUSIVE", blocks: "reads and writes", work: "maybe-rewrite" }],
    [{ table: "orders", line: 3, lock: "SHARE UPDATE EXCLUSIVE", blocks: "schema changes", work: "scan" }],
    [{ table: "orders", line: 1, lock: "ACCESS EXCLUSIVE", blocks: "reads and writes", work: "none" }],
  ]);
  expect(described.map(({ findings }) => findings.map(({ rule, line }) => `${rule} ${line ?? ""}`))).toEqual([
    ["no-down-migration ", "column-type 4", "update-every-row 5"],
    [],
    ["drop-column 1"],
  ]);
});

it.each([
  [
    "more work under an equal lock",
    "ALTER TABLE orders ALTER id SET NOT NULL;\nALTER TABLE orders ALTER id TYPE numeric;",
    1,
    "maybe-rewrite",
  ],
  ["work under a weaker lock than the last", "CREATE INDEX ON orders (id);\nALTER TABLE orders ADD y int;", 2, "scan"],
])("describes, of the effects on a table, %s", async (_, text, line, work) => {
  const { path } = folderOf({ "001_made.sql": "CREATE TABLE orders (id bigint PRIMARY KEY);", "002_new.sql": text });
  const [described] = await describeMigrations(readFolder(path), ["002_new.sql"]);
  expect(described!.locks).toEqual([{ table: "orders", line, lock: "ACCESS EXCLUSIVE", blocks: "reads and writes", work }]);
});
