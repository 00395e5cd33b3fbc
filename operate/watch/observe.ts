/** One round: verifies and examines every system, compares with the limits of its definition, and counts rows. */
import type { Problem } from "../alerts/alert.ts";
import { diagnose } from "../doctor/doctor.ts";
import { type Examination, isAboveInfo } from "../doctor/finding.ts";
import type { DatabaseSubject } from "../doctor/postgres/subject.ts";
import type { StoreSubject } from "../doctor/valkey/subject.ts";
import type { Check } from "../verify/check.ts";
import { type VerifySubject, verify } from "../verify/verify.ts";
import { countRows } from "./counts.ts";
import { findExceededLimits } from "./limits.ts";
import type { Observation } from "./observation.ts";

export interface WatchSubject {
  readonly systems: readonly VerifySubject[];
  readonly databases: readonly DatabaseSubject[];
  readonly stores: readonly StoreSubject[];
}

export async function observe({ systems, databases, stores }: WatchSubject, now: () => Date = () => new Date()): Promise<Observation> {
  const at = now().toISOString();
  const checks: Check[] = [];
  const exceeded: Problem[] = [];
  const rows: Record<string, number> = {};
  for (const subject of systems) {
    const found = await verify(subject, { waitMs: 0, bench: false });
    checks.push(...found);
    exceeded.push(...(await findExceededLimits(subject, found)));
    if (subject.database !== undefined) Object.assign(rows, await countRows(subject.system, subject.database.owner));
  }
  const examinations = await diagnose({ databases, stores });
  return {
    at,
    summary: summarize(checks, examinations, rows),
    problems: [...checks.flatMap(problemOf), ...exceeded, ...examinations.flatMap(problemsOf)],
    rows,
  };
}

/** What users notice, or what puts data at risk. */
const CRITICAL: readonly Check["kind"][] = ["account", "deployment", "clusters", "health", "probes", "canary", "keyspaces"];

function problemOf({ kind, subject, outcome, evidence, next }: Check): Problem[] {
  if (outcome !== "failed") return [];
  const step = next?.command ?? next?.text;
  const severity = CRITICAL.includes(kind) ? "critical" : "warning";
  return [{ id: `verify ${kind} ${subject}`, severity, subject, evidence, ...(step === undefined ? {} : { next: step }) }];
}

function problemsOf({ name, findings }: Examination): Problem[] {
  return findings.filter(isAboveInfo).map(({ id, severity, subject, evidence, next }) => ({
    id: `doctor ${name} ${id} ${subject}`,
    severity: severity === "error" ? "critical" : "warning",
    subject: `${name}: ${subject} (${id})`,
    evidence,
    next: next.sql?.[0] ?? next.command ?? next.text,
  }));
}

function summarize(checks: readonly Check[], examinations: readonly Examination[], rows: Observation["rows"]): Observation["summary"] {
  const failed = (kinds: readonly Check["kind"][]) =>
    checks.filter(({ kind, outcome }) => kinds.includes(kind) && outcome === "failed").length;
  const state = (count: number, what: string) => (count === 0 ? "ok" : `${count} ${what}`);
  const errorLines = checks.reduce((sum, { errorLines = 0 }) => sum + errorLines, 0);
  const findings = examinations.reduce((sum, one) => sum + one.findings.filter(isAboveInfo).length, 0);
  const slowest = Math.max(
    0,
    ...checks.flatMap(({ kind, milliseconds }) => (kind === "health" && milliseconds !== undefined ? [milliseconds] : [])),
  );
  return {
    process: state(failed(["account", "deployment", "variables", "clusters"]), "failed"),
    errors: errorLines === 0 ? state(failed(["log"]), "failed") : `${errorLines} lines`,
    validation: state(failed(["migrations", "keyspaces", "canary", "backups", "monitoring"]) + findings, "findings"),
    counts: `${Object.values(rows).reduce((sum, count) => sum + count, 0)} rows`,
    health: failed(["health", "probes"]) === 0 ? `ok, ${slowest} ms at most` : `${failed(["health", "probes"])} failed`,
  };
}
