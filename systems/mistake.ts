/** What is wrong with a definition, and how it is told: everything at once, each with what to do. */
import { looksSecret } from "../catalog/secrets.ts";

export interface Mistake {
  readonly system: string;
  /** Where in the definition: apps.rtpm.components.api.env.JWT_SECRET. */
  readonly path: string;
  readonly given: string;
  readonly allowed: string;
  /** What to do, as a sentence. */
  readonly mend: string;
}

/** Its message is the whole list; a stack trace would point at the check and never at the mistake. */
export class DefinitionError extends Error {
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    const title =
      mistakes.length === 1 ? "One mistake in a system's definition:" : `${mistakes.length} mistakes in the systems' definitions:`;
    super([title, ...mistakes.map(paragraph)].join("\n\n"));
    this.name = "DefinitionError";
    this.mistakes = mistakes;
  }
}

function paragraph({ system, path, given, allowed, mend }: Mistake): string {
  return [`${system}: ${path}`, `  given    ${given}`, `  allowed  ${allowed}`, `  mend     ${mend}`].join("\n");
}

/** A value as it may be printed: a message lands in logs, so what could be a secret is only described. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string")
    return looksSecret(value) ? `a value of ${value.length} characters that looks like a secret` : JSON.stringify(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? `a list of ${value.length}` : "an object";
  return String(value);
}

/** The names that would have been right. */
export function oneOf(names: readonly string[]): string {
  return names.length === 0 ? "none: nothing of the kind is declared" : names.join(", ");
}
