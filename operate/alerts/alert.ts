/** What an alert reports, and which ones begin or end between two rounds. */

/**
 * critical  users notice it, or data is at risk: it also reaches the pager
 * warning   will become one
 */
export type Severity = "critical" | "warning";

export interface Problem {
  /** The same for the same problem in every round. */
  readonly id: string;
  readonly severity: Severity;
  /** "fluxstudio/api: GET /api/health" */
  readonly subject: string;
  readonly evidence: string;
  /** A command or sentence. */
  readonly next?: string;
}

export interface Alert {
  readonly event: "began" | "ended";
  readonly problem: Problem;
  /** ISO time of the round. */
  readonly at: string;
  /** Whose: "stack prod". */
  readonly source: string;
}

/** @param before Those for which the beginning was sent. */
export function findChanges(
  before: readonly Problem[],
  now: readonly Problem[],
): { readonly began: readonly Problem[]; readonly ended: readonly Problem[] } {
  const has = (list: readonly Problem[], { id }: Problem) => list.some((other) => other.id === id);
  return { began: now.filter((problem) => !has(before, problem)), ended: before.filter((problem) => !has(now, problem)) };
}

export const headline = ({ event, problem, source }: Alert): string =>
  event === "ended"
    ? `Over: ${problem.subject} (${source})`
    : `${problem.severity === "critical" ? "CRITICAL" : "Warning"}: ${problem.subject} (${source})`;

export function describe({ problem: { evidence, next }, event, at }: Alert): readonly string[] {
  return [evidence, ...(next === undefined || event === "ended" ? [] : [`Next: ${next}`]), `Seen at ${at}.`];
}
