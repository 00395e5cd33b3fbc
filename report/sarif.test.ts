import { readFileSync } from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { sortFindings } from "../audit/finding.ts";
import { RULES } from "../audit/rules.ts";
import { LEAKS } from "../audit/testing/leaks.ts";
import { auditOfProgram } from "../audit/testing/programs.ts";
import type { Audit } from "./audit.ts";
import { sarifOf } from "./sarif.ts";

/** The schema is of draft 4, which calls its own id `id`. */
const {
  $schema: _,
  id: $id,
  ...schema
} = JSON.parse(readFileSync(path.join(import.meta.dirname, "testing/sarif/sarif-2.1.0-rtm.5.json"), "utf8"));
// One pattern of the schema is none by the stricter rules.
const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
formats.default(ajv);
const validate = ajv.compile({ ...schema, $id });

const NOTHING: Audit = { stack: "prod", findings: [], suppressed: [], proofs: [], declared: [], notes: [] };

async function everyLeak(): Promise<Audit> {
  const audits: Audit[] = [];
  for (const { program, circumstances } of Object.values(LEAKS)) audits.push(await auditOfProgram(program, circumstances));
  const findings = sortFindings(audits.flatMap((audit) => audit.findings));
  const [first, ...rest] = findings;
  return { ...NOTHING, findings: rest, suppressed: [{ finding: first!, reason: "it is known, and it ends", until: "2026-12-31" }] };
}

describe("SARIF", () => {
  it("matches the schema of version 2.1.0: with every planted leak, with none, and for a failed program", async () => {
    for (const audit of [await everyLeak(), NOTHING, { ...NOTHING, failure: "it failed" }]) {
      const log = JSON.parse(JSON.stringify(sarifOf(audit, "0.1.0", RULES)));
      expect(validate(log) ? [] : validate.errors).toEqual([]);
    }
  });

  it("does not match that schema if a field is wrong", () => {
    const log = sarifOf(NOTHING, "0.1.0", RULES);
    expect(validate({ ...log, version: "2.2.0" })).toBe(false);
    expect(validate({ ...log, runs: [{ ...log.runs[0], results: [{}] }] })).toBe(false);
  });

  it("has a rule with a score for each result, and the path of the secret, with relative files", async () => {
    const audit = await everyLeak();
    const [run] = sarifOf(audit, "0.1.0", RULES).runs;
    const rules = run!.tool.driver.rules!;
    expect(run!.results).toHaveLength(audit.findings.length + 1);
    for (const { ruleId, ruleIndex, locations, partialFingerprints, codeFlows } of run!.results!) {
      expect(rules[ruleIndex!]!.id).toBe(ruleId);
      expect(Object.values(partialFingerprints!)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
      const places = [
        ...locations!,
        ...(codeFlows ?? []).flatMap((flow) => flow.threadFlows[0]!.locations.map(({ location }) => location!)),
      ];
      for (const { physicalLocation } of places) {
        expect(physicalLocation!.artifactLocation!.uri).toMatch(/^(?!\/|\w+:)\S+$/);
        expect(physicalLocation!.region!.startLine).toBeGreaterThan(0);
      }
    }
    for (const rule of rules) expect(Number(rule.properties!["security-severity"])).toBeGreaterThan(0);
    expect(run!.results!.filter(({ codeFlows }) => codeFlows !== undefined).length).toBeGreaterThan(20);
    expect(run!.results!.filter(({ suppressions }) => suppressions !== undefined)).toHaveLength(1);
  });

  it("keeps the fingerprint of a finding whose lines moved, and distinguishes two places", async () => {
    const { findings } = await everyLeak();
    const fingerprints = findings.map(({ fingerprint }) => fingerprint);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
    const again = await auditOfProgram(LEAKS["a setting in a stack output"]!.program);
    const moved = await auditOfProgram(() => LEAKS["a setting in a stack output"]!.program());
    expect(moved.findings.map(({ fingerprint }) => fingerprint)).toEqual(again.findings.map(({ fingerprint }) => fingerprint));
  });
});

it("docs/audit.md lists every rule", () => {
  const page = readFileSync(path.join(import.meta.dirname, "../docs/audit.md"), "utf8");
  for (const [id, { severity }] of Object.entries(RULES)) expect(page).toMatch(new RegExp(`^\\| \`${id}\` \\| ${severity} \\|`, "m"));
});
