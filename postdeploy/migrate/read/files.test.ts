import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { create } from "../create.ts";
import { lintFolder } from "../lint/index.ts";
import { cleanFolders, folderOf } from "../testing/folder.ts";
import { compareNames, readFolder } from "./files.ts";
import { refuseBad } from "./finding.ts";
import { parseFile, prepare } from "./prepare.ts";

afterAll(cleanFolders);

/** "rule" of each finding that stops a run, and its place. */
async function refusals(files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = readFolder(folderOf(files).path);
  const read = await Promise.all(folder.files.map(parseFile));
  return [...folder.findings, ...read.flatMap(({ findings }) => findings)]
    .filter(({ severity }) => severity === "error")
    .map(({ rule, file, line, column }) => [rule, [file, line, column].filter((part) => part !== undefined).join(":")]);
}

describe("the order of files", () => {
  it("is numeric, then by name, with repeatable ones last [F9]", () => {
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

  it("tells apart time stamps beyond what a number of JavaScript holds", () => {
    expect(compareNames("20250101120000000000_a.sql", "20250101120000000001_a.sql")).toBeLessThan(0);
  });

  it("reports files that share a number, and runs both", () => {
    const { findings, files } = readFolder(folderOf({ "007_a.sql": "", "007_b.sql": "" }).path);
    expect(findings).toMatchObject([{ rule: "equal-numbers", severity: "warning", file: "007_b.sql" }]);
    expect(files).toHaveLength(2);
  });
});

describe("the checksum of a file", () => {
  const sum = (content: string | Uint8Array) => readFolder(folderOf({ "001_a.sql": content }).path).files[0]!.checksum;

  it("does not see line ends or one byte-order mark [D18]", () => {
    expect(sum("SELECT 1;\r\nSELECT 2;\r\n")).toBe(sum("SELECT 1;\nSELECT 2;\n"));
    expect(sum("\ufeffSELECT 1;\n")).toBe(sum("SELECT 1;\n"));
  });

  it("sees everything else", () => {
    const sums = ["SELECT 1;", "SELECT 1; ", "SELECT 2;", "SELECT 1;\n", "-- a\nSELECT 1;"].map(sum);
    expect(new Set(sums).size).toBe(5);
  });

  it("has a second one that sees no comments, blanks or case of words, but every value", () => {
    const meaning = (content: string) => readFolder(folderOf({ "001_a.sql": content }).path).files[0]!.meaning;
    expect(meaning("create  table A (x int default 5); -- why\n/* or /* not */ */")).toBe(meaning("CREATE TABLE a\n(x INT DEFAULT 5)"));
    expect(meaning("SELECT 'A  b'")).not.toBe(meaning("SELECT 'a b'"));
    expect(meaning("SELECT 5")).not.toBe(meaning("SELECT 6"));
    expect(meaning('SELECT "A"')).not.toBe(meaning('SELECT "a"'));
  });
});

describe("a file is refused before anything is sent", () => {
  it.each([
    ["that is Latin-1, with the offset of the byte", Buffer.from("SELECT 'ä';\nSELECT 'ö';", "latin1"), "encoding", "001_a.sql:1:9"],
    ["that is UTF-16", Buffer.from("\ufeffSELECT 1", "utf16le"), "encoding", "001_a.sql"],
    ["with a NUL", "SELECT 1;\nSELECT '\0';", "nul", "001_a.sql:2:9"],
    ["with COMMIT", "CREATE TABLE a (id int);\nCOMMIT;", "transaction", "001_a.sql:2:1"],
    ["with BEGIN after an emoji", "-- 🙂\nSELECT '🙂'; BEGIN;", "transaction", "001_a.sql:2:13"],
    ["with ROLLBACK", "ROLLBACK", "transaction", "001_a.sql:1:1"],
    ["with a psql command", "\\set x 1\nSELECT 1;", "psql-command", "001_a.sql:1:1"],
    ["with rows for COPY", "COPY a (x) FROM stdin;\n1\n\\.\n", "copy-from-stdin", "001_a.sql:1:17"],
    ["whose quote is never closed", "SELECT 1;\nSELECT 'abc", "unterminated", "001_a.sql:2:8"],
    ["whose dollar quote is never closed", "DO $x$ BEGIN END $y$;", "unterminated", "001_a.sql:1:4"],
    ["whose comment is never closed", "SELECT 1; /* a /* b */", "unterminated", "001_a.sql:1:11"],
    ["with a mistake after characters of every width", "-- é € 🙂\nSELECT 'é€🙂', selct 1 2;", "syntax", "001_a.sql:2:21"],
    [
      "with CREATE INDEX CONCURRENTLY inside a transaction",
      "CREATE INDEX CONCURRENTLY i ON a (b);",
      "needs-no-transaction",
      "001_a.sql:1:1",
    ],
    ["with VACUUM inside a transaction", "VACUUM a;", "needs-no-transaction", "001_a.sql:1:1"],
    ["with CREATE DATABASE inside a transaction", "CREATE DATABASE a;", "needs-no-transaction", "001_a.sql:1:1"],
    [
      "with an index built concurrently that has no name",
      "-- slipway: no-transaction\nCREATE INDEX CONCURRENTLY ON a (b);",
      "unnamed-index",
      "001_a.sql:2:1",
    ],
    ["with DISCARD ALL", "DISCARD ALL;", "discard", "001_a.sql:1:1"],
    ["that lets go of every lock", "SELECT pg_advisory_unlock_all();", "unlock-all", "001_a.sql:1:1"],
    ["with a header nobody knows", "-- slipway: no-transactions\nSELECT 1;", "header", "001_a.sql:1:1"],
    ["with a header below the first statement", "SELECT 1;\n-- slipway: no-transaction", "header", "001_a.sql:2:1"],
    ["with a timeout that is no duration", "-- slipway: statement-timeout soon\nSELECT 1;", "header", "001_a.sql:1:1"],
  ])("%s", async (_, content, rule, place) => {
    expect(await refusals({ "001_a.sql": content })).toEqual([[rule, place]]);
  });

  it("and not for the same words in a comment, a string, a function or a block", async () => {
    const text = `-- COMMIT; \\set
/* BEGIN; */ SELECT 'COMMIT; \\connect', "a;b" FROM a;
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; END $f$;
CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
CREATE FUNCTION h() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_unlock_all()';
SAVEPOINT a; ROLLBACK TO a; RELEASE a;`;
    expect(await refusals({ "001_a.sql": text })).toEqual([]);
  });

  it.each([
    ["whose name says neither when nor that it repeats", "core.sql"],
    ["whose name holds a line end", "001_a\nb.sql"],
    ["whose name holds a character that turns text round", "001_a\u202eb.sql"],
    ["whose ending is in capitals", "001_a.SQL"],
  ])("%s", async (_, name) => {
    expect((await refusals({ [name]: "" })).map(([rule]) => rule)).toEqual(["file-name"]);
  });

  it("that is a way back of nothing, a folder, or a link that leads out of the folder, round in a circle or nowhere", async () => {
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
      ["lonely-down", "002_gone.down.sql"],
    ]);
  });

  it("whose twin differs only in case or in how an accent is written", async () => {
    expect((await refusals({ "001_a.sql": "", "001_A.sql": "" })).map(([rule]) => rule)).toEqual(["file-name"]);
    expect((await refusals({ "001_\u00e9.sql": "", "001_e\u0301.sql": "" })).map(([rule]) => rule)).toContain("file-name");
  });

  it("of more than 64 MB", async () => {
    expect(await refusals({ "001_a.sql": Buffer.alloc(64 * 2 ** 20 + 1, " ") })).toEqual([["too-big", "001_a.sql"]]);
  });

  it("together with every other mistake, each with what to do", async () => {
    const { files } = readFolder(folderOf({ "001_a.sql": "COMMIT;", "002_b.sql": "SELECT (;" }).path);
    await expect(prepare(files)).rejects.toThrowErrorMatchingInlineSnapshot(`
      [Failure: Nothing was applied: 2 mistakes in the files.
        001_a.sql:1:1: COMMIT would end the transaction in which this file and its ledger row stand or fall together.
          | COMMIT;
          Remove it: every file runs in a transaction of its own.
        002_b.sql:1:9: syntax error at or near ";".
          | SELECT (;]
    `);
  });

  it("where the folder is not there, or is a file", () => {
    const { path } = folderOf({ "001_a.sql": "" });
    expect(() => readFolder(join(path, "nowhere"))).toThrow(/There is no folder .*nowhere/);
    expect(() => readFolder(join(path, "001_a.sql"))).toThrow(/is a file/);
  });
});

describe("a large file", () => {
  it("is read statement by statement, with the same outcome", async () => {
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
  it("takes the next number, keeps its width, and writes the way back beside it [D23]", () => {
    const { path } = folderOf({ "0009_a.sql": "", "0010_b.sql": "" });
    expect(create({ folder: path, name: "Add Invoice-Notes!" })).toEqual(["0011_add_invoice_notes.sql", "0011_add_invoice_notes.down.sql"]);
    expect(create({ folder: path, name: "open invoices", repeatable: true })).toEqual(["R_open_invoices.sql"]);
    expect(() => create({ folder: path, name: "open invoices", repeatable: true })).toThrow(/is there already/);
    expect(() => create({ folder: path, name: "!!!" })).toThrow(/no letter or digit/);
  });

  it("begins an empty folder with 001, and what it writes is no mistake", () => {
    const folder = join(folderOf({}).path, "new");
    expect(create({ folder, name: "first" })[0]).toBe("001_first.sql");
    expect(() => refuseBad(readFolder(folder).findings)).not.toThrow();
  });

  it("writes files that cannot be applied before somebody has written something into them", async () => {
    const folder = join(folderOf({}).path, "new");
    const names = [...create({ folder, name: "first" }), ...create({ folder, name: "view", repeatable: true })];
    const unwritten = async () =>
      (await lintFolder(readFolder(folder)))
        .filter(({ rule, severity }) => rule === "unwritten" && severity === "error")
        .map(({ file }) => file);
    expect((await unwritten()).sort()).toEqual([...names].sort());
    writeFileSync(join(folder, names[0]!), "-- Nothing: the number is taken.\n");
    writeFileSync(join(folder, names[1]!), "-- Nothing to take back.\n");
    expect(await unwritten()).toEqual([names[2]]);
  });
});
