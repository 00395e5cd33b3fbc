/** Prints what a mutation run found. */
import { type Equivalent, isListed } from "./equivalent.ts";
import type { Mutant } from "./operators.ts";

export interface Result {
  readonly mutant: Mutant;
  /** Whether any test runs the code. */
  readonly covered: boolean;
  readonly killedBy: string | undefined;
}

const GOAL = 0.9;

/** What notices a mutant that passes every test and does not compile. */
export const TYPE_CHECK = "the type check";

/** @returns the exit code. */
export function printScores(rooms: ReadonlyMap<string, readonly Result[]>, equivalent: readonly Equivalent[]): number {
  const reasonOf = (mutant: Mutant) => equivalent.find((entry) => isListed(entry, mutant))?.reason;
  let reached = true;
  for (const [room, results] of rooms) {
    const survivors = results.filter(({ killedBy, mutant }) => killedBy === undefined && reasonOf(mutant) === undefined);
    for (const { mutant, covered } of survivors) console.log(`${describeMutant(mutant)}${covered ? "" : "   (no test runs it)"}`);
    const counted = results.filter(({ killedBy, mutant }) => killedBy !== undefined || reasonOf(mutant) === undefined).length;
    const score = counted === 0 ? 1 : (counted - survivors.length) / counted;
    const excused = results.length - counted;
    const refused = results.filter(({ killedBy }) => killedBy === TYPE_CHECK).length;
    console.log(
      `${room}: ${counted - survivors.length} of ${counted} mutants killed, ${(score * 100).toFixed(1)} %` +
        (refused > 0 ? `; ${refused} of them by the type check` : "") +
        (excused > 0 ? `; ${excused} equivalent` : ""),
    );
    reached &&= score >= GOAL;
  }
  return reached ? 0 : 1;
}

function describeMutant({ file, line, original, replacement }: Mutant): string {
  return `${file}:${line}  ${shorten(original)} → ${shorten(replacement) || "(removed)"}`;
}

function shorten(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length > 70 ? `${flat.slice(0, 67)}…` : flat;
}
