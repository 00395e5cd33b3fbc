import { formatProblem, type Problem } from "../catalog/problem.ts";

/** Its message is the whole list. A stack trace would point at the check, never at the definition. */
export class DefinitionError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const title =
      problems.length === 1 ? "1 problem in the systems' definitions." : `${problems.length} problems in the systems' definitions.`;
    super([title, ...problems.map((problem, index) => formatProblem(problem, index + 1))].join("\n\n"));
    this.name = "DefinitionError";
    this.problems = problems;
  }
}

/** The names that are declared. */
export function oneOf(names: readonly string[]): string {
  return names.length === 0 ? "none, because none is declared" : names.join(", ");
}
