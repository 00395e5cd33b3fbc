/**
 * Reads definitions the way a stranger would: first their shape, then whether they hold together. Nothing is refused until everything has
 * been looked at, so whoever wrote them sees every mistake at once.
 */
import type { System } from "./definition.ts";
import { DefinitionError, type Mistake } from "./mistake.ts";
import * as apps from "./rules/apps.ts";
import * as env from "./rules/env.ts";
import * as names from "./rules/names.ts";
import * as references from "./rules/references.ts";
import type { Rule } from "./rules/rule.ts";
import * as stores from "./rules/stores.ts";
import { together } from "./rules/together.ts";
import { systemSchema } from "./schema.ts";
import { shapeMistakes } from "./shape.ts";

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
    // Compiling a schema pays where it parses many times; this one parses once.
    const parsed = systemSchema.safeParse(given, { jitless: true });
    if (parsed.success) return [frozen(parsed.data)];
    const system = nameOf(given, index);
    mistakes.push(...parsed.error.issues.flatMap((issue) => shapeMistakes(given, issue)).map((mistake) => ({ system, ...mistake })));
    return [];
  });
  for (const system of shaped) for (const rule of RULES) rule(system, (mistake) => mistakes.push({ system: system.name, ...mistake }));
  mistakes.push(...together(shaped));
  if (mistakes.length > 0) throw new DefinitionError(mistakes);
  return shaped;
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
