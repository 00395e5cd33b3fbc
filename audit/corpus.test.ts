/** Audits a generated corpus of planted leaks, and edits that are none, in a process of its own: its programs write to stdout, and run only once. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { corpusCases } from "./testing/corpus/cases.ts";
import { HARMLESS } from "./testing/corpus/harmless.ts";
import { LITERALS } from "./testing/corpus/literals.ts";

/** Every third combination takes a third of the time, and still contains each sink and each transformation. */
const STEP = Number(process.env.CORPUS_STEP ?? 3);

interface Reported {
  readonly rule: string;
  readonly message: string;
  readonly file?: string;
  readonly line?: number;
}

interface Result {
  readonly name: string;
  readonly file: string;
  readonly rules: readonly string[];
  readonly line: number;
  readonly findings: readonly Reported[];
  readonly failure?: string;
}

interface Results {
  readonly leaks: readonly Result[];
  readonly literals: readonly Result[];
  readonly harmless: readonly Result[];
}

const folder = mkdtempSync(path.join(tmpdir(), "slipway corpus "));
afterAll(() => rmSync(folder, { recursive: true }));

function auditCorpus(): Results {
  const results = path.join(folder, "results.json");
  const descriptors = ["stdout", "stderr"].map((name) => openSync(path.join(folder, name), "w+"));
  const { status } = spawnSync(process.execPath, [path.join(import.meta.dirname, "testing/corpus/run.ts"), String(STEP), results], {
    stdio: ["ignore", ...descriptors],
  });
  for (const descriptor of descriptors) closeSync(descriptor);
  expect(status, readFileSync(path.join(folder, "stderr"), "utf8").slice(-2000)).toBe(0);
  return JSON.parse(readFileSync(results, "utf8")) as Results;
}

const isFound = ({ rules, findings }: Result): boolean => findings.some(({ rule }) => rules.includes(rule));
const isPlaced = ({ rules, findings, file, line }: Result): boolean =>
  findings.some((one) => rules.includes(one.rule) && one.file === file && one.line === line);
const namesOf = (results: readonly Result[]): string[] => results.map(({ name }) => name);

describe("the corpus", () => {
  const { leaks, literals, harmless } = auditCorpus();

  it("has at least 400 planted leaks and 60 harmless edits", () => {
    expect(leaks).toHaveLength(corpusCases(STEP).length);
    expect(leaks.length).toBeGreaterThanOrEqual(400);
    expect(harmless).toHaveLength(HARMLESS.length);
    expect(harmless.length).toBeGreaterThanOrEqual(60);
    expect(literals).toHaveLength(LITERALS.length);
  });

  it.each([
    ["leaks", leaks],
    ["secrets in files", literals],
  ] as const)("has its %s found: at least 98 of 100, and 95 of 100 at their line", (_, planted) => {
    const missed = planted.filter((one) => !isFound(one));
    const misplaced = planted.filter((one) => isFound(one) && !isPlaced(one));
    console.log(`${planted.length} planted: ${planted.length - missed.length} found, ${planted.filter(isPlaced).length} at their line`);
    expect(missed.length / planted.length, namesOf(missed).join("\n")).toBeLessThanOrEqual(0.02);
    expect((missed.length + misplaced.length) / planted.length, namesOf(misplaced).join("\n")).toBeLessThanOrEqual(0.05);
  });

  it("has no finding for a harmless edit, and runs each", () => {
    expect(harmless.filter(({ findings, failure }) => findings.length > 0 || failure !== undefined)).toEqual([]);
  });
});
