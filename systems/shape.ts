/** Turns zod's issues with the shape of a definition into problems. */
import type { z } from "zod";
import { type Problem, printable } from "../catalog/problem.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

export function findShapeProblems(given: unknown, issue: Issue, above: Path = []): Problem[] {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      path: formatPath([...path, key]),
      problem: "a definition has no field of this name",
      allowed: "the fields of systems/definition.ts",
      fix: `Correct the spelling of "${key}", or remove it.`,
    }));

  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const intended = closest(issue.errors);
    if (intended !== undefined) return intended.flatMap((inner) => findShapeProblems(given, inner, path));
    const origins = issue.errors.flatMap((form) => form.filter(isOrigin)).flatMap(options);
    return [problemAt(given, [...path, "from"], [...new Set(origins)].join(", "))];
  }

  // zod reports the missing entry; the problem is the empty list.
  const emptyList = typeof path.at(-1) === "number" && valueAt(given, path) === undefined;
  return [emptyList ? problemAt(given, path.slice(0, -1), NOT_EMPTY) : problemAt(given, path, allowed(issue))];
}

function problemAt(given: unknown, path: Path, allowed: string): Problem {
  const value = valueAt(given, path);
  if (value === undefined) return { path: formatPath(path), problem: "it is missing", allowed, fix: `Add "${String(path.at(-1))}".` };
  return { path: formatPath(path), given: printable(value), allowed, fix: "Change it to what is allowed." };
}

/** The form that the author most likely intended: its origin matches, and it has the fewest issues. */
function closest(forms: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return forms.filter((form) => !form.some(isOrigin)).sort((a, b) => a.length - b.length)[0];
}

function isOrigin({ path }: Issue): boolean {
  return path.length === 1 && path[0] === "from";
}

const NOT_EMPTY = "a list with at least one entry";
const TYPES: Readonly<Record<string, string>> = {
  int: "a whole number",
  array: "a list",
  tuple: NOT_EMPTY,
  record: "an object",
  object: "an object",
};

function allowed(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPES[issue.expected] ?? `a ${issue.expected}`;
    case "too_small":
      return issue.origin === "string" ? "a text that is not empty" : `${issue.minimum} or more`;
    case "too_big":
      return `${issue.maximum} or less`;
    case "invalid_format":
      return "prefix" in issue ? `a text that starts with "${issue.prefix}"` : `an ${issue.format} address`;
    default:
      return options(issue).join(", ");
  }
}

function options(issue: Issue): readonly string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  return "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
}

function valueAt(given: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], given);
}

function formatPath(path: Path): string {
  return path.map(String).join(".") || "the whole definition";
}
