/** What an audit says: that something is wrong, with the way that the secret took, or that something is proved. */
import type { Source } from "../engine/plan.ts";

/** The worst first. */
export const SEVERITIES = ["critical", "high", "medium", "low"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One station of a secret on its way: an origin, an envelope, a state, an env, a process. */
export interface Station {
  readonly what: string;
  readonly urn?: string;
  /** By meaning: `spec.service api.env JWT_SECRET`. */
  readonly path?: string;
  readonly source?: Source;
}

export interface Finding {
  /** `secret-in-output`: stable, and documented. */
  readonly rule: string;
  readonly severity: Severity;
  /** A sentence, without the secret. */
  readonly message: string;
  readonly secret?: string;
  readonly source?: Source;
  /** From the origin to where it should not be; one station where no way is involved. */
  readonly flow: readonly Station[];
  /** Stays the same when lines move: made of the rule, the origin and the place. */
  readonly fingerprint: string;
  /** What to do, in a sentence. */
  readonly fix: string;
}

export interface Proof {
  readonly secret: string;
  /** From the origin to every process that reads it. */
  readonly flow: readonly Station[];
  /** `seen`: a real process was started with it and told its fingerprint. `wired`: the program gives it to that process and to nothing else. */
  readonly strength: "seen" | "wired";
}

export interface Suppressed {
  readonly finding: Finding;
  readonly reason: string;
  /** YYYY-MM-DD. */
  readonly until: string;
}

export interface Audit {
  readonly stack: string;
  /** The worst first. */
  readonly findings: readonly Finding[];
  readonly suppressed: readonly Suppressed[];
  readonly proofs: readonly Proof[];
  /** Names of all declared secrets; each has a proof or a finding. */
  readonly declared: readonly string[];
  /** What could not be looked at, and why; suppressions that suppress nothing. */
  readonly notes: readonly string[];
  /** The program's own words, without secrets, where it did not come to its end: then nothing is proved. */
  readonly failure?: string;
}
