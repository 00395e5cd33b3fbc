/**
 * What is wrong with a stack's settings, gathered and told in one go: where it stands, what stands there, what is allowed, what to type.
 * A value that is or may be a secret is never repeated.
 */

import { looksSecret } from "../catalog/secrets.ts";

/** The way to a value from the top of the settings: ["postgres", "size"] is slipway:postgres.size. */
export type Path = readonly (string | number)[];

export const NAMESPACE = "slipway";

/** A command that mends something. A secret one has no value: `pulumi` asks for it, so it stays out of the shell's history. */
export type Command =
  | { readonly set: Path; readonly to: string }
  | { readonly set: Path; readonly secret: true }
  | { readonly remove: Path };

export interface Mistake {
  readonly at: Path;
  /** What stands there now. */
  readonly given?: unknown;
  /** What is wrong with it, without a word of what was given; it follows a colon. */
  readonly problem: string;
  readonly allowed: string;
  readonly fix: readonly Command[];
  /** Arithmetic that the sentence rests on, line by line. */
  readonly working?: readonly string[];
}

/** Carries everything that was found. Its message is for people; no stack trace belongs beside it. */
export class SettingsError extends Error {
  readonly mistakes: readonly Mistake[];
  constructor(stack: string, mistakes: readonly Mistake[]) {
    super(report(stack, mistakes));
    this.name = "SettingsError";
    this.mistakes = mistakes;
  }
}

export class Mistakes {
  readonly #found = new Map<string, Mistake>();
  readonly #stack: string;
  readonly #secretKeys: ReadonlySet<string>;

  constructor(stack: string, secretKeys: ReadonlySet<string>) {
    this.#stack = stack;
    this.#secretKeys = secretKeys;
  }

  /** The first mistake about a value, or about what holds it, is the one that is told: what follows from it would only confuse. */
  add(mistake: Mistake): void {
    const key = keyOf(mistake.at);
    if (mistake.at.some((_, length) => this.#found.has(keyOf(mistake.at.slice(0, length + 1))))) return;
    const hidden = mistake.given !== undefined && this.#secretKeys.has(keyOf(mistake.at.slice(0, 1)));
    this.#found.set(key, hidden ? withheld(mistake) : mistake);
  }

  /** Whether anything is known to be wrong at this value or below it. */
  touches(...paths: readonly Path[]): boolean {
    return [...this.#found.values()].some(({ at }) => paths.some((path) => path.every((step, index) => at[index] === step)));
  }

  throwIfAny(): void {
    if (this.#found.size > 0) throw new SettingsError(this.#stack, [...this.#found.values()]);
  }
}

/** What stands under a key that is encrypted is not shown, and neither is anything that was made of it. */
function withheld({ at, problem, allowed }: Mistake): Mistake {
  return { at, problem, allowed, fix: [{ set: at, secret: true }] };
}

/** slipway:fluxstudio.connections["api/a.b"], as `pulumi config set --path` reads it. */
export function keyOf(path: Path): string {
  const [root = "", ...steps] = path;
  const rest = steps.map((step) =>
    typeof step === "number" ? `[${step}]` : /[.[\]"]/.test(step) ? `[${JSON.stringify(step)}]` : `.${step}`,
  );
  return `${NAMESPACE}:${root}${rest.join("")}`;
}

export function spell(command: Command, stack: string): string {
  const at = "remove" in command ? command.remove : command.set;
  const words = [
    "pulumi config",
    "remove" in command ? "rm" : "set",
    ...(at.length > 1 ? ["--path"] : []),
    ...("secret" in command ? ["--secret"] : []),
    quoted(keyOf(at)),
    ...("to" in command ? [quoted(command.to)] : []),
    "-s",
    stack,
  ];
  return words.join(" ");
}

/** For POSIX shells; <…> is left for a person to fill in and must not become a redirection. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function report(stack: string, mistakes: readonly Mistake[]): string {
  const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
  return [`${count} in the settings of stack "${stack}".`, ...mistakes.map((mistake, index) => entry(mistake, index + 1, stack))].join(
    "\n\n",
  );
}

function entry({ at, given, problem, allowed, fix, working = [] }: Mistake, number: number, stack: string): string {
  const margin = " ".repeat(String(number).length + 2);
  const stands = given === undefined ? "" : ` is ${shown(given)}`;
  return [
    `${number}. ${keyOf(at)}${stands}: ${problem}${/[.?!]$/.test(problem) ? "" : "."}`,
    ...working.map((line) => `${margin}  ${line}`),
    `${margin}allowed: ${allowed}`,
    ...fix.map((command, index) => `${margin}${index === 0 ? "type:   " : "        "} ${spell(command, stack)}`),
  ].join("\n");
}

function shown(given: unknown): string {
  const text = JSON.stringify(given) ?? String(given);
  if (USER_AND_PASSWORD.test(text) || (typeof given === "string" && looksSecret(given)))
    return "not shown here, because it may be a secret";
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

/** user:password@host, also outside of a URL, but not image@sha256:digest. */
const USER_AND_PASSWORD = /[^\s/]+:[^\s/]+@(?!sha256:)/;

/** The candidate that was most likely meant, if one is close. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3)))
    .sort((one, other) => one.distance - other.distance);
  return ranked[0]?.candidate;
}

/** Edits between two words, of which one may be two letters in the wrong order. */
function distance(one: string, other: string): number {
  const rows = [Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= one.length; i++) {
    const [above, row] = [rows[i - 1]!, [i]];
    for (let j = 1; j <= other.length; j++) {
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const replaced = above[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      row.push(Math.min(row[j - 1]! + 1, above[j]! + 1, replaced, swapped ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY));
    }
    rows.push(row);
  }
  return rows[one.length]![other.length]!;
}
