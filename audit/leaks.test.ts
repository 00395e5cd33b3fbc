import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { LEAKS } from "./testing/leaks.ts";
import { auditOfProgram, rulesOf, shop } from "./testing/programs.ts";

afterAll(() => {
  for (const name of ["slipway-audit-leak.env", "slipway-audit-leak.log"]) rmSync(path.join(tmpdir(), name), { force: true });
});

describe("the audit", () => {
  it("finds nothing in the program without a leak, and proves its secret", async () => {
    const { findings, proofs, declared } = await auditOfProgram(() => void shop());
    expect({ findings, declared, proved: proofs.map(({ secret }) => secret) }).toEqual({
      findings: [],
      declared: ["shop:stripe"],
      proved: ["shop:stripe"],
    });
  });

  it.each(Object.entries(LEAKS))("finds %s", async (_, { rule, program, also = [], circumstances }) => {
    const audit = await auditOfProgram(program, circumstances);
    expect(rulesOf(audit)).toEqual([rule, ...also].sort());
  });

  it("is tested with at least thirty leaks", () => {
    expect(Object.keys(LEAKS).length).toBeGreaterThanOrEqual(30);
  });
});
