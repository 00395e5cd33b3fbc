/**
 * Reads definitions the way a stranger would: first their shape, then whether they hold together. Nothing is refused until everything has
 * been looked at, so whoever wrote them sees every mistake at once.
 */
import type { z } from "zod";
import type { System } from "./definition.ts";
import { DefinitionError, type Mistake, shown } from "./mistake.ts";
import * as apps from "./rules/apps.ts";
import * as env from "./rules/env.ts";
import * as names from "./rules/names.ts";
import * as references from "./rules/references.ts";
import type { Rule } from "./rules/rule.ts";
import * as stores from "./rules/stores.ts";
import { together } from "./rules/together.ts";
import { systemSchema } from "./schema.ts";

export { DefinitionError, type Mistake } from "./mistake.ts";

const RULES: readonly Rule[] = [names, references, stores, apps, env].flatMap((file) => Object.values<Rule>(file));

/** One definition, or a `DefinitionError` with all that is wrong with it. */
export function checkSystem(system: unknown): System {
  const [checked] = checkSystems([system]);
  return checked!;
}

/** All definitions, also against each other. What comes back is frozen. */
export function checkSystems(systems: readonly unknown[]): readonly System[] {
  const mistakes: Mistake[] = [];
  const shaped = systems.flatMap((given, index) => {
    const parsed = systemSchema.safeParse(given);
    if (parsed.success) return [parsed.data];
    mistakes.push(...parsed.error.issues.flatMap((issue) => fromShape(nameOf(given, index), given, issue)));
    return [];
  });
  for (const system of shaped) for (const rule of RULES) rule(system, (mistake) => mistakes.push({ system: system.name, ...mistake }));
  mistakes.push(...together(shaped));
  if (mistakes.length > 0) throw new DefinitionError(mistakes);
  return shaped;
}

function nameOf(given: unknown, index: number): string {
  const name = typeof given === "object" && given !== null && "name" in given ? given.name : undefined;
  return typeof name === "string" && name !== "" ? name : `system ${index + 1}`;
}

type Issue = z.core.$ZodIssue;

/** From zod's words to ours. */
function fromShape(system: string, given: unknown, issue: Issue): Mistake[] {
  if (issue.code === "invalid_union" && issue.errors.length > 0)
    return closest(issue.errors).flatMap((inner) => fromShape(system, given, { ...inner, path: [...issue.path, ...inner.path] } as Issue));

  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      system,
      path: [...path, key].join("."),
      given: "a field that a definition does not have",
      allowed: "the fields of systems/definition.ts",
      mend: `Correct the spelling of "${key}", or remove it.`,
    }));

  const value = path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], given);
  const emptyList = value === undefined && typeof issue.path.at(-1) === "number";
  if (emptyList)
    return fromShape(system, given, {
      code: "too_small",
      origin: "array",
      minimum: 1,
      path: issue.path.slice(0, -1),
      message: "",
    } as Issue);
  return [
    {
      system,
      path: path.join(".") || "the whole definition",
      given: shown(value),
      allowed: allowed(issue),
      mend: value === undefined ? `Add "${path.at(-1)}".` : "Change it to what is allowed.",
    },
  ];
}

/** Of the forms that a value may have, the one that its author most likely meant: it fits where forms are told apart, and has the fewest mistakes. */
function closest(forms: readonly (readonly Issue[])[]): readonly Issue[] {
  const tag = (issue: Issue) => issue.path.length === 1 && issue.path[0] === "from";
  const meant = forms.filter((form) => !form.some(tag)).sort((a, b) => a.length - b.length)[0];
  if (meant !== undefined) return meant;
  const tags = forms.flatMap((form) => form.filter(tag));
  return [{ code: "invalid_value", values: [...new Set(tags.flatMap(values))], path: tags[0]!.path, message: "" } as Issue];
}

function allowed(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return (
        { int: "a whole number", array: "a list", record: "an object", tuple: "a list with one entry at least" }[
          issue.expected as string
        ] ?? `a ${issue.expected}`
      );
    case "too_small":
      return issue.origin === "string"
        ? "a text that is not empty"
        : issue.origin === "array"
          ? "a list with one entry at least"
          : `${issue.minimum} or more`;
    case "too_big":
      return `${issue.maximum} or less`;
    case "invalid_format":
      return issue.format === "starts_with"
        ? `a text that starts with "${(issue as { prefix?: string }).prefix}"`
        : `an ${issue.format} address`;
    default: {
      const options = values(issue);
      return options.length > 0 ? options.join(", ") : issue.message;
    }
  }
}

function values(issue: Issue): readonly string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  return issue.code === "invalid_union" && "options" in issue ? (issue.options as unknown[]).map(String) : [];
}
