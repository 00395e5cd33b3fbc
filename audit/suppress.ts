/** Suppressed findings: `.slipway-audit.yaml` lists them, each with a reason and a last day. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { ProjectError } from "../engine/projecterror.ts";
import type { Finding, Suppressed } from "../report/audit.ts";
import { finding } from "./finding.ts";
import { RULES } from "./rules.ts";

export const SUPPRESSIONS = ".slipway-audit.yaml";

export interface Suppression {
  readonly rule: string;
  readonly fingerprint?: string;
  /** A file, or the path or URN of a step; "*" matches anything. */
  readonly place?: string;
  readonly reason?: string;
  /** Last day, YYYY-MM-DD. */
  readonly until?: string;
  readonly line: number;
}

export interface SuppressionResult {
  readonly findings: readonly Finding[];
  readonly suppressed: readonly Suppressed[];
  readonly notes: readonly string[];
}

const KEYS = ["rule", "fingerprint", "place", "reason", "until"];
const EXAMPLE = `suppress:\n  - rule: secret-in-output\n    fingerprint: <as the audit prints it>\n    reason: <why, in a sentence>\n    until: "2027-01-31"`;

/** @throws {ProjectError} if the file is not valid */
export function readSuppressions(root: string): readonly Suppression[] {
  const file = path.join(root, SUPPRESSIONS);
  if (!existsSync(file)) return [];
  const lines = new LineCounter();
  const { contents, errors } = parseDocument(readFileSync(file, "utf8"), { lineCounter: lines, prettyErrors: false });
  const wrong = (message: string, offset = 0): never => {
    throw new ProjectError(`${SUPPRESSIONS}:${lines.linePos(offset).line}: ${message}. Example:\n${EXAMPLE}`);
  };
  if (errors[0]) wrong(`not YAML: ${errors[0].message}`, errors[0].pos[0]);
  if (contents === null) return [];
  const list = isMap(contents) ? contents.get("suppress", true) : undefined;
  if (!isSeq(list)) return wrong('the file needs a list called "suppress" at its top level');
  return list.items.map((item): Suppression => {
    const offset = (item as { range?: readonly [number] }).range?.[0] ?? 0;
    if (!isMap(item)) return wrong("a suppression needs a rule, a fingerprint or a place, a reason and a date", offset);
    const given = Object.fromEntries(
      item.items.map(({ key, value }) => [String(isScalar(key) ? key.value : key), String(isScalar(value) ? (value.value ?? "") : "")]),
    );
    const unknown = Object.keys(given).find((key) => !KEYS.includes(key));
    if (unknown !== undefined) wrong(`unknown key "${unknown}"; allowed: ${KEYS.join(", ")}`, offset);
    const { rule = "" } = given;
    if (!Object.hasOwn(RULES, rule)) wrong(`unknown rule "${rule}". docs/audit.md lists the rules`, offset);
    if (!given.fingerprint && !given.place) wrong("a suppression needs a fingerprint or a place", offset);
    return { ...given, rule, line: lines.linePos(offset).line };
  });
}

/** A suppression without a reason, or after its last day, suppresses nothing and is a finding itself. */
export function applySuppressions(findings: readonly Finding[], suppressions: readonly Suppression[], today: string): SuppressionResult {
  const valid = suppressions.filter((one) => problemOf(one, today) === undefined);
  const used = new Set<Suppression>();
  const suppressed: Suppressed[] = [];
  const remaining = findings.filter((found) => {
    const by = valid.find((one) => matches(one, found));
    if (by === undefined) return true;
    used.add(by);
    suppressed.push({ finding: found, reason: by.reason!, until: by.until! });
    return false;
  });
  const invalid = suppressions.flatMap((one) => {
    const problem = problemOf(one, today);
    return problem === undefined ? [] : [fault(one, problem)];
  });
  const unused = valid
    .filter((one) => !used.has(one))
    .map(({ line, rule }) => `${SUPPRESSIONS}:${line}: suppresses no finding (${rule}). Remove it.`);
  return { findings: [...remaining, ...invalid], suppressed, notes: unused };
}

function matches({ rule, fingerprint, place }: Suppression, found: Finding): boolean {
  if (rule !== found.rule) return false;
  if (fingerprint) return fingerprint === found.fingerprint;
  const pattern = new RegExp(
    `^${place!
      .split("*")
      .map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"))
      .join(".*")}$`,
    "s",
  );
  const places = [found.source?.file, ...found.flow.flatMap((station) => [station.path, station.urn])];
  return places.some((one) => one !== undefined && pattern.test(one));
}

const SHORTEST_REASON = 10;

function problemOf({ reason = "", until = "" }: Suppression, today: string): string | undefined {
  if (reason.trim().length < SHORTEST_REASON) return "has no reason";
  if (!/^\d{4}-\d\d-\d\d$/.test(until) || Number.isNaN(Date.parse(until))) return "has no last day";
  return until < today ? `ended on ${until}` : undefined;
}

function fault({ rule, fingerprint, place, line }: Suppression, problem: string): Finding {
  const source = { file: SUPPRESSIONS, line };
  return finding({
    rule: "suppression-invalid",
    message: `The suppression of ${rule} at ${fingerprint ?? place} ${problem}, so it suppresses nothing.`,
    source,
    flow: [{ what: `${SUPPRESSIONS}:${line}`, source }],
    sink: `${rule} ${fingerprint ?? place}`,
  });
}
