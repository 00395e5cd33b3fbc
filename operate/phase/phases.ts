/** The phases of the move from JSON files to Postgres, and the steps between them. */
import { PHASES, type Phase } from "../../settings/settings.ts";

export const ORDER = ["P0", "P1", "P2", "P3"] as const satisfies readonly Phase[];

export const DESCRIPTIONS: Readonly<Record<Phase, string>> = {
  P0: "JSON only",
  P1: "writes both, reads JSON",
  P2: "writes both, reads Postgres",
  P3: "Postgres only",
};

export type Direction = "next" | "back";

/** @returns undefined at the end */
export function neighborOf(phase: Phase, direction: Direction): Phase | undefined {
  return ORDER[ORDER.indexOf(phase) + (direction === "next" ? 1 : -1)];
}

export const directionOf = (from: Phase, to: Phase): Direction => (ORDER.indexOf(to) > ORDER.indexOf(from) ? "next" : "back");

export interface Flags {
  readonly usePostgres: boolean;
  readonly dualWrite: boolean;
}

/** Every pair of flags is one phase. */
export const phaseWith = (flags: Flags): Phase =>
  ORDER.find((phase) => PHASES[phase].usePostgres === flags.usePostgres && PHASES[phase].dualWrite === flags.dualWrite)!;

export const readsJson = (phase: Phase): boolean => !PHASES[phase].usePostgres;
