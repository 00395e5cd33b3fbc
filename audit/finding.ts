/** Creates findings, and sorts them. */
import { createHash } from "node:crypto";
import type { Source } from "../engine/plan.ts";
import { type Finding, SEVERITIES, type Severity, type Station } from "../report/audit.ts";
import { RULES, type RuleId } from "./rules.ts";

export interface Fault {
  readonly rule: RuleId;
  readonly message: string;
  readonly secret?: string;
  readonly flow: readonly Station[];
  readonly source?: Source;
  /** The place, without line numbers; part of the fingerprint. @default the last step of the flow */
  readonly sink?: string;
  /** @default the rule's */
  readonly severity?: Severity;
}

export function finding({ rule, message, secret, flow, source, sink, severity = RULES[rule].severity }: Fault): Finding {
  const last = flow.at(-1);
  const place = sink ?? `${last?.urn ?? ""} ${last?.path ?? last?.what ?? ""}`;
  const where = source ?? [...flow].reverse().find((station) => station.source)?.source;
  return {
    rule,
    severity,
    message,
    ...(secret !== undefined && { secret }),
    ...(where && { source: where }),
    flow,
    fingerprint: createHash("sha256")
      .update(`${rule}\0${secret ?? ""}\0${place}`)
      .digest("hex")
      .slice(0, 32),
    fix: RULES[rule].fix,
  };
}

/** Worst first, without duplicates. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  const distinct = new Map(findings.map((one) => [one.fingerprint, one]));
  return [...distinct.values()].sort(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || byText(a.rule, b.rule) || byText(a.message, b.message),
  );
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
