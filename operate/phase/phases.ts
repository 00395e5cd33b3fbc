/** The phases of the move from JSON files to Postgres, and the steps between them. */
import { type Environment, flagsOf, hasDisk, type Phase, type PhaseFlags } from "../../settings/settings.ts";

export const ORDER = ["P0", "P1", "P2", "P3"] as const satisfies readonly Phase[];

const DESCRIPTIONS: Readonly<Record<Phase, string>> = {
  P0: "JSON only",
  P1: "writes both, reads JSON",
  P2: "writes both, reads Postgres",
  P3: "Postgres only",
};

export const describePhase = (phase: Phase, environment: Environment): string =>
  phase === "P2" && !hasDisk(environment) ? "Postgres, with a daily export as JSON" : DESCRIPTIONS[phase];

export type Direction = "next" | "back";

/** @returns undefined at the end */
export function neighborOf(phase: Phase, direction: Direction): Phase | undefined {
  return ORDER[ORDER.indexOf(phase) + (direction === "next" ? 1 : -1)];
}

export const directionOf = (from: Phase, to: Phase): Direction => (ORDER.indexOf(to) > ORDER.indexOf(from) ? "next" : "back");

/** Those that have these flags. Without a disk, P2 and P3 differ in the export only. */
export const phasesWith = (flags: PhaseFlags, environment: Environment): readonly Phase[] =>
  ORDER.filter((phase) => isSame(flagsOf(phase, environment), flags));

export const haveSameFlags = (one: Phase, other: Phase, environment: Environment): boolean =>
  isSame(flagsOf(one, environment), flagsOf(other, environment));

const isSame = (one: PhaseFlags, other: PhaseFlags): boolean => one.usePostgres === other.usePostgres && one.dualWrite === other.dualWrite;

export const readsJson = (phase: Phase): boolean => !flagsOf(phase, "local").usePostgres;
