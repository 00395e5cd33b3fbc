/** What the process that runs tests is given, and what it writes: one line of JSON for each step, so that a killed process loses one step. */
import { join } from "node:path";
import type { Mutant } from "./operators.ts";

export const ROOT = join(import.meta.dirname, "../..");

export const JOB = "SLIPWAY_MUTANTS_JOB";

export type Job = {
  /** Where the lines go. */
  readonly results: string;
  /** A test file that runs longer has failed. */
  readonly limitMs: number;
} & ({ readonly kind: "baseline"; readonly tests: readonly string[] } | { readonly kind: "mutants"; readonly trials: readonly Trial[] });

export interface Trial {
  readonly id: number;
  readonly mutant: Mutant;
  /** Test files that run the mutated code, the fastest first. */
  readonly tests: readonly string[];
  readonly reloaded: readonly string[];
}

/** A test file on the code as it is. */
export interface Baseline {
  readonly test: string;
  readonly failure?: string;
  readonly ms: number;
  /** For each file, the ranges of its text that ran. */
  readonly covered: Readonly<Record<string, readonly Range[]>>;
  /** Every import that was loaded, as importer and imported file. */
  readonly edges: readonly (readonly [importer: string, imported: string])[];
}

/** A range of a text and whether it ran; a range inside another one overrides it. */
export type Range = readonly [start: number, end: number, ran: boolean];

export type Outcome = { readonly id: number; readonly started: true } | { readonly id: number; readonly killedBy?: string };
