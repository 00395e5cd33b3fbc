/**
 * What is wrong with something that a person wrote: a setting, a field of a definition, an argument of a component. Every check looks at everything
 * before it throws, so that one run lists all problems.
 */
import { looksSecret } from "./secrets.ts";

export interface Problem {
  /** Where the value is written: slipway:postgres.size, apps.web.components.api.kind, allow[0]. */
  readonly path: string;
  /** The value, as it may be printed (`printable`). Absent where there is none, and where `problem` already describes it. */
  readonly given?: string;
  /** What is wrong, as a clause: "it is not private". Absent where `allowed` says enough. */
  readonly problem?: string;
  /** Which values are allowed. */
  readonly allowed?: string;
  /** What to do, as a sentence. */
  readonly fix?: string;
  /** What to type instead. */
  readonly commands?: readonly string[];
  /** The arithmetic that the problem rests on, line by line. */
  readonly details?: readonly string[];
}

/** One problem in a few lines, for a list of them. */
export function formatProblem(problem: Problem, number?: number): string {
  const { allowed, fix, commands = [], details = [] } = problem;
  const bullet = number === undefined ? "" : `${number}. `;
  const margin = " ".repeat(bullet.length || 2);
  return [
    `${bullet}${headline(problem)}`,
    ...details.map((line) => `${margin}  ${line}`),
    ...(allowed === undefined ? [] : [`${margin}allowed: ${allowed}`]),
    ...(fix === undefined ? [] : [`${margin}fix:     ${fix}`]),
    ...commands.map((command, index) => `${margin}${index === 0 ? "type:   " : "        "} ${command}`),
  ].join("\n");
}

/** One problem on one line, for an error that Pulumi prints with its resource. */
export function formatProblemInline(problem: Problem): string {
  const { allowed, fix } = problem;
  return [headline(problem), ...(allowed === undefined ? [] : [sentence(`Allowed: ${allowed}`)]), ...(fix === undefined ? [] : [fix])].join(
    " ",
  );
}

function headline({ path, given, problem }: Problem): string {
  const value = given === undefined ? path : `${path} is ${given}`;
  return sentence(problem === undefined ? value : `${value}: ${problem}`);
}

function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

const MAX_LENGTH = 120;

/** A value as a message may repeat it. Messages end up in logs, so a value that may be a secret is only described. */
export function printable(value: unknown): string {
  if (typeof value === "string" && (looksSecret(value) || USER_AND_PASSWORD.test(value))) return HIDDEN;
  const text = value === undefined ? "missing" : (JSON.stringify(value) ?? String(value));
  if (USER_AND_PASSWORD.test(text)) return HIDDEN;
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 3)}...` : text;
}

const HIDDEN = "not shown here, because it may be a secret";

/** user:password@host, also outside of a URL, but not image@sha256:digest. */
const USER_AND_PASSWORD = /[^\s/]+:[^\s/]+@(?!sha256:)/;
