import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openJsonLines, readJsonLines } from "./json-lines.ts";

describe("a journal of JSON lines", () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway journal "));
  const file = join(folder, "new", "journal.jsonl");
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is empty where there is no file, and is created with its folder by the first run that appends", () => {
    expect(readJsonLines(file)).toEqual([]);
    const journal = openJsonLines<string>(file);
    journal.append("one\nline, ünd");
    journal.close();
    expect(readJsonLines(file)).toEqual(["one\nline, ünd"]);
  });

  it("drops the half line of a killed run, which the next run overwrites", () => {
    appendFileSync(file, '"half of a li');
    expect(readJsonLines(file)).toEqual(["one\nline, ünd"]);
    expect(readFileSync(file, "utf8")).toContain("half");
    const journal = openJsonLines<string>(file);
    journal.append("two");
    journal.append("three");
    journal.close();
    expect(journal.entries).toEqual(["one\nline, ünd", "two", "three"]);
    expect(readFileSync(file, "utf8")).toBe('"one\\nline, ünd"\n"two"\n"three"\n');
  });

  it("names the line that is damaged, and is not written", () => {
    const damaged = '"one"\n{"two"\n"three"\n';
    writeFileSync(file, damaged);
    for (const read of [readJsonLines, openJsonLines]) expect(() => read(file)).toThrow(`${file}:2 is not valid JSON`);
    expect(readFileSync(file, "utf8")).toBe(damaged);
  });
});
