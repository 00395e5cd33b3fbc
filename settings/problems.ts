/** Collects what is wrong with a stack's settings, so that one error lists all of it with the commands that fix it. */

import { formatProblem, type Problem, printable } from "../catalog/problem.ts";
import { quoteWord } from "../catalog/shell.ts";

/** The path of a value from the top of the settings: ["postgres", "size"] is slipway:postgres.size. */
export type Path = readonly (string | number)[];

export const NAMESPACE = "slipway";

/** A command that changes a setting. One for a secret contains no value: `pulumi` asks for it, so it does not get into the shell's history. */
export type Command =
  | { readonly set: Path; readonly to: string }
  | { readonly set: Path; readonly secret: true }
  | { readonly remove: Path };

export interface SettingProblem {
  readonly at: Path;
  /** The value in the config. */
  readonly given?: unknown;
  /** What is wrong with it, as a clause that does not repeat it. */
  readonly problem: string;
  readonly allowed: string;
  readonly fix: readonly Command[];
  /** The arithmetic that the problem rests on, line by line. */
  readonly details?: readonly string[];
}

/** Its message is the whole list; it is printed without a stack trace. */
export class SettingsError extends Error {
  readonly problems: readonly Problem[];
  constructor(stack: string, problems: readonly Problem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const list = problems.map((problem, index) => formatProblem(problem, index + 1));
    super([`${count} in the settings of stack "${stack}".`, ...list].join("\n\n"));
    this.name = "SettingsError";
    this.problems = problems;
  }
}

export class Problems {
  readonly #found = new Map<string, { readonly at: Path; readonly problem: Problem }>();
  readonly #stack: string;
  readonly #secretKeys: ReadonlySet<string>;
  readonly #shortened: string[] = [];

  constructor(stack: string, secretKeys: ReadonlySet<string>) {
    this.#stack = stack;
    this.#secretKeys = secretKeys;
  }

  /** Keeps the first problem of a value, or of a group that contains it: later ones only follow from it. */
  add(found: SettingProblem): void {
    const { at } = found;
    if (at.some((_, length) => this.#found.has(keyOf(at.slice(0, length + 1))))) return;
    if (at.some((_, length) => this.#shortened.includes(keyOf(at.slice(0, length))))) return;
    const isEncrypted = found.given !== undefined && this.#secretKeys.has(keyOf(at.slice(0, 1)));
    this.#found.set(keyOf(at), { at, problem: problemOf(isEncrypted ? withoutValue(found) : found, this.#stack) });
  }

  /** Ignores later problems of a list's elements: a refused one was removed, so their numbers are no longer those of the stack's file. */
  ignoreElements(list: Path): void {
    this.#shortened.push(keyOf(list));
  }

  /** Whether a problem is known of one of these values, or of a value below them. */
  touches(...paths: readonly Path[]): boolean {
    return [...this.#found.values()].some(({ at }) => paths.some((path) => path.every((step, index) => at[index] === step)));
  }

  throwIfAny(): void {
    if (this.#found.size > 0)
      throw new SettingsError(
        this.#stack,
        [...this.#found.values()].map(({ problem }) => problem),
      );
  }
}

/** Without the value of an encrypted key, and without anything that was computed from it. */
function withoutValue({ at, problem, allowed }: SettingProblem): SettingProblem {
  return { at, problem, allowed, fix: [{ set: at, secret: true }] };
}

function problemOf({ at, given, problem, allowed, fix, details }: SettingProblem, stack: string): Problem {
  return {
    path: keyOf(at),
    problem,
    allowed,
    commands: fix.map((command) => formatCommand(command, stack)),
    ...(given === undefined ? {} : { given: printable(given) }),
    ...(details === undefined ? {} : { details }),
  };
}

/** slipway:shop.connections["api/a.b"], as `pulumi config set --path` reads it. */
export function keyOf(path: Path): string {
  const [root = "", ...steps] = path;
  const rest = steps.map((step) =>
    typeof step === "number" ? `[${step}]` : /[.[\]"]/.test(step) ? `[${JSON.stringify(step)}]` : `.${step}`,
  );
  return `${NAMESPACE}:${root}${rest.join("")}`;
}

export function formatCommand(command: Command, stack: string): string {
  const at = "remove" in command ? command.remove : command.set;
  const words = [
    "pulumi config",
    "remove" in command ? "rm" : "set",
    ...(at.length > 1 ? ["--path"] : []),
    ...("secret" in command ? ["--secret"] : []),
    quoteWord(keyOf(at)),
    ...("to" in command ? [quoteWord(command.to)] : []),
    "-s",
    stack,
  ];
  return words.join(" ");
}
