/** Prints what a mutation run found. */
import { type Explanation, explains } from "./explanation.ts";
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

/** Why mutants survive. */
export interface Explanations {
  /** These do the same as the code, and are not counted. */
  readonly equivalent: readonly Explanation[];
  /** These count as survivors. */
  readonly accepted: readonly Explanation[];
}

/** @returns the exit code: 1 if a room misses its goal, or if a survivor has no explanation. */
export function printScores(rooms: ReadonlyMap<string, readonly Result[]>, { equivalent, accepted }: Explanations): number {
  let passed = true;
  for (const [room, results] of rooms) {
    const counted = results.filter(({ killedBy, mutant }) => killedBy !== undefined || reasonFor(mutant, equivalent) === undefined);
    const survivors = counted.filter(({ killedBy }) => killedBy === undefined);
    for (const { mutant, covered } of survivors) {
      const reason = reasonFor(mutant, accepted);
      const explanation = reason === undefined ? "" : `   accepted: ${reason}`;
      console.log(`${describeMutant(mutant)}${covered ? "" : "   (no test runs it)"}${explanation}`);
    }
    const unexplained = survivors.filter(({ mutant }) => reasonFor(mutant, accepted) === undefined).length;
    const killed = counted.length - survivors.length;
    const score = counted.length === 0 ? 1 : killed / counted.length;
    const parts = [
      `${killed} of ${counted.length} mutants killed, ${(score * 100).toFixed(1)} %`,
      countOf(results.filter(({ killedBy }) => killedBy === TYPE_CHECK).length, "of them by the type check"),
      countOf(results.length - counted.length, "equivalent"),
      countOf(survivors.length - unexplained, "accepted"),
      countOf(unexplained, "unexplained"),
    ];
    console.log(`${room}: ${parts.filter((part) => part !== undefined).join("; ")}`);
    passed &&= score >= GOAL && unexplained === 0;
  }
  return passed ? 0 : 1;
}

const reasonFor = (mutant: Mutant, explanations: readonly Explanation[]): string | undefined =>
  explanations.find((explanation) => explains(explanation, mutant))?.reason;

const countOf = (count: number, what: string): string | undefined => (count === 0 ? undefined : `${count} ${what}`);

function describeMutant({ file, line, original, replacement }: Mutant): string {
  return `${file}:${line}  ${shorten(original)} → ${shorten(replacement) || "(removed)"}`;
}

function shorten(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim();
  return flat.length > 70 ? `${flat.slice(0, 67)}…` : flat;
}
