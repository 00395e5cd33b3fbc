/** What `slipway verify` reports: one result for each thing that it looked at. */
import type { CheckKind } from "../../systems/verification.ts";

/**
 * passed    seen, as it has to be
 * failed    not as it has to be
 * unproved  it answers, but the answer does not show what it has to show
 * skipped   not looked at, for the reason in the evidence
 */
export type Outcome = "passed" | "failed" | "unproved" | "skipped";

export interface Check {
  readonly kind: CheckKind;
  /** What was looked at: "fluxstudio/api: GET /api/health". */
  readonly subject: string;
  readonly outcome: Outcome;
  /** What was seen, with the figures. */
  readonly evidence: string;
  /** How long a request took. */
  readonly milliseconds?: number;
  /** Lines of a log that report errors. */
  readonly errorLines?: number;
  /** The last lines of a log, without secrets. */
  readonly log?: readonly string[];
  /** What to do about it: a sentence, or a command to type. */
  readonly next?: { readonly text: string; readonly command?: string };
}

/** The outcome of several checks is the worst one; nothing that was looked at is skipped. */
export function worstOf(checks: readonly Check[]): Outcome {
  for (const outcome of ["failed", "unproved", "passed"] as const) if (checks.some((check) => check.outcome === outcome)) return outcome;
  return "skipped";
}
