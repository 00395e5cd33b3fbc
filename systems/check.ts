/** Checks definitions: first their shape, then their rules, then names that two of them share. One error lists every problem. */
import type { Problem } from "../catalog/problem.ts";
import type { System } from "./definition.ts";
import { DefinitionError } from "./definition-error.ts";
import * as apps from "./rules/apps.ts";
import * as env from "./rules/env.ts";
import * as names from "./rules/names.ts";
import * as references from "./rules/references.ts";
import { pathOf, type Rule } from "./rules/rule.ts";
import * as stores from "./rules/stores.ts";
import { together } from "./rules/together.ts";
import * as verification from "./rules/verification.ts";
import { systemSchema } from "./schema.ts";
import { findShapeProblems } from "./shape.ts";

export { DefinitionError } from "./definition-error.ts";

const RULES: readonly Rule[] = [names, references, stores, apps, verification, env].flatMap((file) => Object.values<Rule>(file));

/** @throws {DefinitionError} with every problem of the definition */
export function checkSystem(system: unknown): System {
  const [checked] = checkSystems([system]);
  return checked!;
}

/**
 * The definitions, frozen.
 *
 * @throws {DefinitionError} with every problem of all of them
 */
export function checkSystems(systems: readonly unknown[]): readonly System[] {
  const problems: Problem[] = [];
  const shaped = systems.flatMap((given, index) => {
    // Compiling a schema pays where it parses many times; this one parses once.
    const parsed = systemSchema.safeParse(given, { jitless: true });
    if (parsed.success) return [frozen(parsed.data)];
    const system = nameOf(given, index);
    problems.push(...parsed.error.issues.flatMap((issue) => findShapeProblems(given, issue)).map((problem) => below(system, problem)));
    return [];
  });
  for (const system of shaped) for (const rule of RULES) rule(system, (problem) => problems.push(below(system.name, problem)));
  problems.push(...together(shaped));
  if (problems.length > 0) throw new DefinitionError(problems);
  return shaped;
}

function below(system: string, problem: Problem): Problem {
  return { ...problem, path: pathOf(system, problem.path) };
}

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

function nameOf(given: unknown, index: number): string {
  const name = typeof given === "object" && given !== null && "name" in given ? given.name : undefined;
  return typeof name === "string" && name !== "" ? name : `system ${index + 1}`;
}
