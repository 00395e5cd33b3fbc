import { mkdirSync, mkdtempSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { contentOf } from "./content.ts";

function folder(files: Record<string, string | Buffer>): string {
  const root = mkdtempSync(join(tmpdir(), "slipway content "));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, "sql", name, ".."), { recursive: true });
    writeFileSync(join(root, "sql", name), text);
  }
  return root;
}

const digest = (files: Record<string, string | Buffer>) => contentOf("sql", folder(files)).digest;

describe("contentOf", () => {
  it("is the same for the same content, wherever it lies", () => {
    expect(contentOf("sql", folder({ "001.sql": "select 1;" }))).toEqual(contentOf("sql", folder({ "001.sql": "select 1;" })));
  });

  it("differs when a byte, a name or a file differs", () => {
    const base = digest({ "001.sql": "select 1;" });
    expect(digest({ "001.sql": "select 2;" })).not.toBe(base);
    expect(digest({ "002.sql": "select 1;" })).not.toBe(base);
    expect(digest({ "001.sql": "select 1;", "002.sql": "" })).not.toBe(base);
  });

  it("does not take a checkout on Windows for a change", () => {
    expect(digest({ "001.sql": "\ufeffselect 1;\r\nselect 2;\r\n" })).toBe(digest({ "001.sql": "select 1;\nselect 2;\n" }));
  });

  it("does so wherever a file larger than one reading is cut", () => {
    for (const before of [256 * 1024 - 2, 256 * 1024 - 1, 256 * 1024]) {
      const line = "x".repeat(before);
      expect(digest({ "a.jsonl": `${line}\r\ny\r` })).toBe(digest({ "a.jsonl": `${line}\ny\r` }));
      expect(digest({ "a.jsonl": `${line}\r\ny` })).not.toBe(digest({ "a.jsonl": `${line}\r\r\ny` }));
    }
  });

  it("takes a byte-order mark for one only at the start of a file", () => {
    const line = "x".repeat(256 * 1024);
    for (const text of [line, "x"]) expect(digest({ "a.jsonl": `${text}\ufeffy` })).not.toBe(digest({ "a.jsonl": `${text}y` }));
  });

  it("reads a file that is larger than any text in JavaScript", () => {
    const root = folder({ "rows.jsonl": "" });
    truncateSync(join(root, "sql/rows.jsonl"), 2 ** 29 + 10);
    expect(contentOf("sql", root).files).toEqual([{ name: "rows.jsonl", digest: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
  });

  it("distinguishes two byte sequences that are not UTF-8", () => {
    expect(digest({ "001.sql": Buffer.from([0xff]) })).not.toBe(digest({ "001.sql": Buffer.from([0xfe]) }));
  });

  it("lists files of sub-folders by name with forward slashes, and leaves notes and hidden files out", () => {
    const { files } = contentOf("sql", folder({ "b.sql": "", "a/x.lua": "", "README.md": "", ".swp": "" }));
    expect(files.map(({ name }) => name)).toEqual(["a/x.lua", "b.sql"]);
  });

  it("says which folder is missing and where it was looked for", () => {
    const root = folder({});
    expect(() => contentOf("sql/none", root)).toThrow(
      `The folder sql/none is not there. Make it (an empty one is fine), or name another; it is looked for from ${root}.`,
    );
  });
});
