/** What zod finds wrong with the shape of a definition, in our words. */
import type { z } from "zod";
import { type Mistake, shown } from "./mistake.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

export function shapeMistakes(given: unknown, issue: Issue, above: Path = []): Omit<Mistake, "system">[] {
  const path = [...above, ...issue.path];
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      path: written([...path, key]),
      given: "a field that a definition does not have",
      allowed: "the fields of systems/definition.ts",
      mend: `Correct the spelling of "${key}", or remove it.`,
    }));

  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const meant = closest(issue.errors);
    if (meant !== undefined) return meant.flatMap((inner) => shapeMistakes(given, inner, path));
    const origins = issue.errors.flatMap((form) => form.filter(isOrigin)).flatMap(options);
    return [mistake(given, [...path, "from"], [...new Set(origins)].join(", "))];
  }

  // zod names the entry that is not there; what is wrong is the list.
  const emptyList = typeof path.at(-1) === "number" && valueAt(given, path) === undefined;
  return [emptyList ? mistake(given, path.slice(0, -1), NOT_EMPTY) : mistake(given, path, allowed(issue))];
}

function mistake(given: unknown, path: Path, allowed: string): Omit<Mistake, "system"> {
  const value = valueAt(given, path);
  const mend = value === undefined ? `Add "${String(path.at(-1))}".` : "Change it to what is allowed.";
  return { path: written(path), given: shown(value), allowed, mend };
}

/** Of the forms that a value may have, the one that its author most likely meant: its origin fits, and it has the fewest mistakes. */
function closest(forms: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return forms.filter((form) => !form.some(isOrigin)).sort((a, b) => a.length - b.length)[0];
}

function isOrigin({ path }: Issue): boolean {
  return path.length === 1 && path[0] === "from";
}

const NOT_EMPTY = "a list with one entry at least";
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
      if (issue.origin === "string") return "a text that is not empty";
      return issue.origin === "array" ? NOT_EMPTY : `${issue.minimum} or more`;
    case "too_big":
      return `${issue.maximum} or less`;
    case "invalid_format":
      return "prefix" in issue ? `a text that starts with "${issue.prefix}"` : `an ${issue.format} address`;
    default:
      return options(issue).join(", ") || issue.message;
  }
}

function options(issue: Issue): readonly string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  return "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
}

function valueAt(given: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], given);
}

function written(path: Path): string {
  return path.map(String).join(".") || "the whole definition";
}
