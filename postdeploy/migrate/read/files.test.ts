import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { create } from "../create.ts";
import { lintFolder } from "../lint/index.ts";
import { cleanFolders, folderOf } from "../testing/folder.ts";
import { compareNames, readFolder } from "./files.ts";
import { throwOnErrors } from "./finding.ts";
import { parseFile, prepare } from "./prepare.ts";

afterAll(cleanFolders);

/** The rule and position of each error. */
async function errorsIn(files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = readFolder(folderOf(files).path);
  const read = await Promise.all(folder.files.map(parseFile));
  return [...folder.findings, ...read.flatMap(({ findings }) => findings)]
    .filter(({ severity }) => severity === "error")
    .map(({ rule, file, line, column }) => [rule, [file, line, column].filter((part) => part !== undefined).join(":")]);
}

describe("readFolder", () => {
  it("orders files by number, then by name, with repeatable files last", () => {
    const { path } = folderOf(
      Object.fromEntries(
        ["10_c.sql", "R_view.sql", "2_b.sql", "1_z.sql", "001_a.sql", "01_a.sql", "20250101120000000_late.sql"].map((name) => [name, ""]),
      ),
    );
    expect(readFolder(path).files.map(({ name }) => name)).toEqual([
      "001_a.sql",
      "01_a.sql",
      "1_z.sql",
      "2_b.sql",
      "10_c.sql",
      "20250101120000000_late.sql",
      "R_view.sql",
    ]);
  });

  it("orders timestamps that exceed the safe integers of JavaScript", () => {
    expect(compareNames("20250101120000000000_a.sql", "20250101120000000001_a.sql")).toBeLessThan(0);
  });

  it("warns about files with the same number, and keeps both", () => {
    const { findings, files } = readFolder(folderOf({ "007_a.sql": "", "007_b.sql": "" }).path);
    expect(findings).toMatchObject([{ rule: "equal-numbers", severity: "warning", file: "007_b.sql" }]);
    expect(files).toHaveLength(2);
  });
});

describe("the checksum of a file", () => {
  const sum = (content: string | Uint8Array) => readFolder(folderOf({ "001_a.sql": content }).path).files[0]!.checksum;

  it("ignores line ends and one byte-order mark", () => {
    expect(sum("SELECT 1;\r\nSELECT 2;\r\n")).toBe(sum("SELECT 1;\nSELECT 2;\n"));
    expect(sum("\ufeffSELECT 1;\n")).toBe(sum("SELECT 1;\n"));
  });

  it("changes with every other byte", () => {
    const sums = ["SELECT 1;", "SELECT 1; ", "SELECT 2;", "SELECT 1;\n", "-- a\nSELECT 1;"].map(sum);
    expect(new Set(sums).size).toBe(5);
  });

  it("has a variant that ignores comments, whitespace and the case of unquoted names, but no value", () => {
    const meaning = (content: string) => readFolder(folderOf({ "001_a.sql": content }).path).files[0]!.meaning;
    expect(meaning("create  table A (x int default 5); -- why\n/* or /* not */ */")).toBe(meaning("CREATE TABLE a\n(x INT DEFAULT 5)"));
    expect(meaning("SELECT 'A  b'")).not.toBe(meaning("SELECT 'a b'"));
    expect(meaning("SELECT 5")).not.toBe(meaning("SELECT 6"));
    expect(meaning('SELECT "A"')).not.toBe(meaning('SELECT "a"'));
  });
});

describe("a file is rejected before anything is sent", () => {
  it.each([
    ["that is Latin-1, with the offset of the byte", Buffer.from("SELECT 'ä';\nSELECT 'ö';", "latin1"), "encoding", "001_a.sql:1:9"],
    ["that is UTF-16", Buffer.from("\ufeffSELECT 1", "utf16le"), "encoding", "001_a.sql"],
    ["with a NUL", "SELECT 1;\nSELECT '\0';", "nul", "001_a.sql:2:9"],
    ["with COMMIT", "CREATE TABLE a (id int);\nCOMMIT;", "transaction", "001_a.sql:2:1"],
    ["with BEGIN after an emoji", "-- 🙂\nSELECT '🙂'; BEGIN;", "transaction", "001_a.sql:2:13"],
    ["with ROLLBACK", "ROLLBACK", "transaction", "001_a.sql:1:1"],
    ["with a psql command", "\\set x 1\nSELECT 1;", "psql-command", "001_a.sql:1:1"],
    ["with COPY … FROM stdin", "COPY a (x) FROM stdin;\n1\n\\.\n", "copy-from-stdin", "001_a.sql:1:17"],
    ["with an unterminated string", "SELECT 1;\nSELECT 'abc", "unterminated", "001_a.sql:2:8"],
    ["with an unterminated dollar quote", "DO $x$ BEGIN END $y$;", "unterminated", "001_a.sql:1:4"],
    ["with an unterminated comment", "SELECT 1; /* a /* b */", "unterminated", "001_a.sql:1:11"],
    ["with a syntax error after characters of every width", "-- é € 🙂\nSELECT 'é€🙂', selct 1 2;", "syntax", "001_a.sql:2:21"],
    [
      "with CREATE INDEX CONCURRENTLY inside a transaction",
      "CREATE INDEX CONCURRENTLY i ON a (b);",
      "needs-no-transaction",
      "001_a.sql:1:1",
    ],
    ["with VACUUM inside a transaction", "VACUUM a;", "needs-no-transaction", "001_a.sql:1:1"],
    ["with CREATE DATABASE inside a transaction", "CREATE DATABASE a;", "needs-no-transaction", "001_a.sql:1:1"],
    [
      "with CREATE INDEX CONCURRENTLY without a name",
      "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY ON a (b);",
      "unnamed-index",
      "001_a.sql:2:1",
    ],
    ["with DISCARD ALL", "DISCARD ALL;", "discard", "001_a.sql:1:1"],
    ["that releases every advisory lock", "SELECT pg_advisory_unlock_all();", "unlock-all", "001_a.sql:1:1"],
    ["with an unknown directive", "-- slipway: no-transactions\nSELECT 1;", "header", "001_a.sql:1:1"],
    ["with a directive below the first statement", "SELECT 1;\n-- slipway: no-transaction", "header", "001_a.sql:2:1"],
    ["with a timeout that is not a duration", "-- slipway: statement-timeout soon\nSELECT 1;", "header", "001_a.sql:1:1"],
  ])("%s", async (_, content, rule, position) => {
    expect(await errorsIn({ "001_a.sql": content })).toEqual([[rule, position]]);
  });

  it("not because of the same words in a comment, a string, a function or a block", async () => {
    const text = `-- COMMIT; \\set
/* BEGIN; */ SELECT 'COMMIT; \\connect', "a;b" FROM a;
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END $f$;
CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
CREATE FUNCTION h() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_unlock_all()';
SAVEPOINT a; ROLLBACK TO a; RELEASE a;`;
    expect(await errorsIn({ "001_a.sql": text })).toEqual([]);
  });

  it.each([
    ["whose name has neither a number nor the prefix R_", "core.sql"],
    ["whose name contains a line break", "001_a\nb.sql"],
    ["whose name contains a right-to-left override", "001_a\u202eb.sql"],
    ["with the extension .SQL in capitals", "001_a.SQL"],
  ])("%s", async (_, name) => {
    expect((await errorsIn({ [name]: "" })).map(([rule]) => rule)).toEqual(["file-name"]);
  });

  it("that is a down migration without a forward file, a folder, or a link that points outside, to itself or to nothing", async () => {
    const { path } = folderOf({ "002_gone.down.sql": "" });
    mkdirSync(join(path, "003_folder.sql"));
    symlinkSync("/etc/hostname", join(path, "004_link.sql"));
    symlinkSync("005_circle.sql", join(path, "005_circle.sql"));
    symlinkSync("nowhere.sql", join(path, "006_nowhere.sql"));
    expect(readFolder(path).findings.map(({ rule, file }) => [rule, file])).toEqual([
      ["file-kind", "003_folder.sql"],
      ["file-kind", "004_link.sql"],
      ["file-kind", "005_circle.sql"],
      ["file-kind", "006_nowhere.sql"],
      ["orphan-down", "002_gone.down.sql"],
    ]);
  });

  it("whose name equals another except for case or Unicode form", async () => {
    expect((await errorsIn({ "001_a.sql": "", "001_A.sql": "" })).map(([rule]) => rule)).toEqual(["file-name"]);
    expect((await errorsIn({ "001_\u00e9.sql": "", "001_e\u0301.sql": "" })).map(([rule]) => rule)).toContain("file-name");
  });

  it("that is larger than 64 MB", async () => {
    expect(await errorsIn({ "001_a.sql": Buffer.alloc(64 * 2 ** 20 + 1, " ") })).toEqual([["too-big", "001_a.sql"]]);
  });

  it("together with all other errors, each with its fix", async () => {
    const { files } = readFolder(folderOf({ "001_a.sql": "COMMIT;", "002_b.sql": "SELECT (;" }).path);
    await expect(prepare(files)).rejects.toThrowErrorMatchingInlineSnapshot(`
      [Failure: Nothing was applied: the migration files contain 2 errors.
        001_a.sql:1:1: COMMIT would end the transaction that makes the file and its ledger entry atomic.
          | COMMIT;
          Remove it: slipway runs each file in its own transaction.
        002_b.sql:1:9: syntax error at or near ";".
          | SELECT (;]
    `);
  });

  it("if the folder does not exist or is a file", () => {
    const { path } = folderOf({ "001_a.sql": "" });
    expect(() => readFolder(join(path, "nowhere"))).toThrow(/Folder .*nowhere does not exist/);
    expect(() => readFolder(join(path, "001_a.sql"))).toThrow(/is a file/);
  });
});

describe("a large file", () => {
  it("is parsed statement by statement with the same result", async () => {
    const rows = `INSERT INTO a VALUES ('${"x".repeat(200)}; not the end');\n`;
    const [file] = readFolder(
      folderOf({
        "001_a.sql": `CREATE TABLE a (t text);\n${rows.repeat(30_000)}CREATE RULE r AS ON UPDATE TO a DO ALSO (SELECT 1; SELECT 2);`,
      }).path,
    ).files;
    const { statements, findings } = await parseFile(file!);
    expect(findings).toEqual([]);
    expect(statements).toHaveLength(30_002);
    expect(statements.at(-1)!.text).toMatch(/^CREATE RULE .*\)$/);
  });
});

describe("create", () => {
  it("uses the next number in the same width, and creates the down migration", () => {
    const { path } = folderOf({ "0009_a.sql": "", "0010_b.sql": "" });
    expect(create({ folder: path, name: "Add Invoice-Notes!" })).toEqual(["0011_add_invoice_notes.sql", "0011_add_invoice_notes.down.sql"]);
    expect(create({ folder: path, name: "open invoices", repeatable: true })).toEqual(["R_open_invoices.sql"]);
    expect(() => create({ folder: path, name: "open invoices", repeatable: true })).toThrow(/already exists/);
    expect(() => create({ folder: path, name: "!!!" })).toThrow(/contains no letter or digit/);
  });

  it("starts an empty folder with 001, without errors in the folder", () => {
    const folder = join(folderOf({}).path, "new");
    expect(create({ folder, name: "first" })[0]).toBe("001_first.sql");
    expect(() => throwOnErrors(readFolder(folder).findings)).not.toThrow();
  });

  it("creates files that are errors until they are edited", async () => {
    const folder = join(folderOf({}).path, "new");
    const names = [...create({ folder, name: "first" }), ...create({ folder, name: "view", repeatable: true })];
    const unwritten = async () =>
      (await lintFolder(readFolder(folder)))
        .filter(({ rule, severity }) => rule === "unwritten" && severity === "error")
        .map(({ file }) => file);
    expect((await unwritten()).sort()).toEqual([...names].sort());
    writeFileSync(join(folder, names[0]!), "-- Nothing: the number is taken.\n");
    writeFileSync(join(folder, names[1]!), "-- Nothing to revert.\n");
    expect(await unwritten()).toEqual([names[2]]);
  });
});
