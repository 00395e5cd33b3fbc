import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DataRecord, readRecords, recordFolder, writeRecord } from "./records.ts";

describe("the records of a system's data", () => {
  const state = mkdtempSync(join(tmpdir(), "slipway records "));
  const folder = recordFolder(state, "prod", "shop");
  const record = (at: string, outcome = "passed"): DataRecord => ({ kind: "validate", at, stack: "prod", system: "shop", outcome });
  beforeAll(() => mkdirSync(folder, { recursive: true }));
  afterAll(() => rmSync(state, { recursive: true }));
  const read = (kind: DataRecord["kind"]) => readRecords(state, "prod", "shop", kind);

  it("are none where no command has written one", () => {
    expect(readRecords(state, "staging", "shop", "validate")).toEqual([]);
    expect(read("export")).toEqual([]);
  });

  it("are read in the order of their times, whatever their files are called", () => {
    writeFileSync(
      join(folder, "validate-2026-11-02T10-00-00-000Z.json"),
      JSON.stringify(record("2026-11-02T10:00:00.000Z", "2 rows differ")),
    );
    writeFileSync(join(folder, "validate-0.json"), JSON.stringify(record("2026-11-03T10:00:00.000Z")));
    writeFileSync(join(folder, "validate-9.json"), JSON.stringify({ ...record("2026-11-01T12:00:00+02:00"), accuracy: 1 }));
    expect(read("validate").map(({ at, outcome }) => [at, outcome])).toEqual([
      ["2026-11-01T12:00:00+02:00", "passed"],
      ["2026-11-02T10:00:00.000Z", "2 rows differ"],
      ["2026-11-03T10:00:00.000Z", "passed"],
    ]);
  });

  it.each([
    ["half of a record", '{"kind":"export","at":"2026-11-0'],
    ["a list", "[]"],
    ["nothing", "null"],
    ["a record of another kind", JSON.stringify(record("2026-11-01T10:00:00.000Z"))],
    ["a record of another stack", JSON.stringify({ ...record("2026-11-01T10:00:00.000Z"), kind: "export", stack: "staging" })],
    ["a record of another system", JSON.stringify({ ...record("2026-11-01T10:00:00.000Z"), kind: "export", system: "toys" })],
    ["a record without a time", JSON.stringify({ ...record("soon"), kind: "export" })],
    ["a record without an outcome", JSON.stringify({ ...record("2026-11-01T10:00:00.000Z"), kind: "export", outcome: true })],
  ])("do not include %s", (_, text) => {
    writeFileSync(join(folder, "export-1.json"), text);
    expect(read("export")).toEqual([]);
  });

  it("are written as they are read, in a file with the kind and the time in its name", () => {
    const archive = { ...record("2026-11-05T10:00:00.123Z"), kind: "archive" as const, files: 3 };
    expect(writeRecord(state, archive)).toBe(join(folder, "archive-2026-11-05T10-00-00-123Z.json"));
    expect(read("archive")).toEqual([archive]);
    expect(readdirSync(folder).filter((name) => name.endsWith(".new"))).toEqual([]);
  });
});
