/** The result of an audit: findings, each with the path that the secret took, and proofs. Also its JSON schema. */
import { z } from "zod";
import type { Source } from "../engine/plan.ts";

/** Worst first. */
export const SEVERITIES = ["critical", "high", "medium", "low"] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Rule {
  readonly severity: Severity;
  /** A short name, for lists. */
  readonly title: string;
  /** Why it matters. */
  readonly why: string;
  readonly fix: string;
}

/** One step on the path of a secret: an origin, a state, a variable, a process. */
export interface Station {
  readonly what: string;
  readonly urn?: string;
  /** By meaning: `spec.service api.env JWT_SECRET`. */
  readonly path?: string;
  readonly source?: Source;
}

export interface Finding {
  /** `secret-in-output`: stable, listed in docs/audit.md. */
  readonly rule: string;
  readonly severity: Severity;
  /** A sentence, without the secret. */
  readonly message: string;
  readonly secret?: string;
  readonly source?: Source;
  /** From the origin to where it must not be; one step if the rule follows no path. */
  readonly flow: readonly Station[];
  /** Made of the rule, the secret and the place, so that it stays the same when lines move. */
  readonly fingerprint: string;
  /** The remedy, in a sentence. */
  readonly fix: string;
}

export interface Proof {
  readonly secret: string;
  /** From the origin to every process that reads it. */
  readonly flow: readonly Station[];
  /** `wired`: verified by static trace of the plan. `seen`: verified at run time, by the fingerprint that a process reported. */
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
  /** Worst first. */
  readonly findings: readonly Finding[];
  readonly suppressed: readonly Suppressed[];
  readonly proofs: readonly Proof[];
  /** Names of all declared secrets; each has a proof or a finding. */
  readonly declared: readonly string[];
  /** Checks that could not run, and why; suppressions that suppress nothing. */
  readonly notes: readonly string[];
  /** The program's error, without secrets, if it failed. Nothing is proved then. */
  readonly failure?: string;
}

const source = z.strictObject({ file: z.string(), line: z.int().positive() });
const station = z.strictObject({ what: z.string(), urn: z.string().optional(), path: z.string().optional(), source: source.optional() });

const finding = z.strictObject({
  rule: z.string(),
  severity: z.enum(SEVERITIES),
  message: z.string(),
  secret: z.string().optional(),
  source: source.optional(),
  flow: z.array(station),
  fingerprint: z.string().regex(/^[0-9a-f]{32}$/),
  fix: z.string(),
});

export const auditSchema = z.strictObject({
  schema: z.literal("slipway-audit/1"),
  stack: z.string(),
  findings: z.array(finding),
  suppressed: z.array(z.strictObject({ finding, reason: z.string(), until: z.string().regex(/^\d{4}-\d\d-\d\d$/) })),
  proofs: z.array(z.strictObject({ secret: z.string(), flow: z.array(station), strength: z.enum(["seen", "wired"]) })),
  declared: z.array(z.string()),
  notes: z.array(z.string()),
  failure: z.string().optional(),
});

/** What `slipway audit --json` prints. */
export const auditJson = (audit: Audit): z.input<typeof auditSchema> => auditSchema.parse({ schema: "slipway-audit/1", ...audit });
