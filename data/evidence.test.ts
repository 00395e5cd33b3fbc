import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type Evidence, evidenceFolder, readEvidence, writeEvidence } from "./evidence.ts";

const state = mkdtempSync(path.join(tmpdir(), "slipway-evidence-"));
afterAll(() => rmSync(state, { recursive: true }));

describe("the records of comparisons and exports", () => {
  const folder = evidenceFolder(state, "prod", "shop");
  const record = (kind: Evidence["kind"], at: string, outcome = "passed"): Evidence => ({
    kind,
    at,
    stack: "prod",
    system: "shop",
    outcome,
    rows: 2,
  });

  it("are read by kind, in the order of their snapshots, and only the complete ones", () => {
    expect(readEvidence(folder, "validate")).toEqual([]);
    const later = record("validate", "2026-02-01T10:00:00.500Z", "the accuracy is 99 %, below the threshold of 100 %");
    const earlier = record("validate", "2026-02-01T09:00:00.123Z");
    expect(path.relative(state, writeEvidence(folder, later))).toBe("data/prod/shop/validate-20260201T100000500Z.json");
    writeEvidence(folder, earlier);
    writeEvidence(folder, record("export", "2026-02-01T11:00:00.000Z"));
    writeFileSync(path.join(folder, "validate-1.json"), '{"kind":"validate"');
    writeFileSync(path.join(folder, "validate-2.json"), '{"kind":"validate","at":"soon","stack":"a","system":"b","outcome":"passed"}');
    writeFileSync(path.join(folder, "validate-3.json"), "null");
    expect(readEvidence(folder, "validate")).toEqual([earlier, later]);
    expect(readEvidence(folder, "export")).toHaveLength(1);
  });

  it("are read by their owner only", () => {
    for (const name of readdirSync(folder).filter((name) => name.length > 20))
      expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
  });
});
