/** Mutants that no test can kill, because the mutated code does the same, each with the reason. `npm run mutants` reports entries that match none. */
export interface Equivalent {
  readonly file: string;
  readonly original: string;
  readonly replacement: string;
  readonly reason: string;
}

export const EQUIVALENT: readonly Equivalent[] = [];
