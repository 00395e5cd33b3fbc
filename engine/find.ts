/** Finds resources in a plan, and values inside them. */
import { type Plan, type PlannedResource, Secret, type Value } from "./plan.ts";

/** @throws when the plan has no such resource; the message lists the names of this type. */
export function resource(plan: Plan, type: string, name: string): PlannedResource {
  const found = plan.resources.find((candidate) => candidate.type === type && candidate.name === name);
  if (found) return found;
  const names = byType(plan, type).map((candidate) => candidate.name);
  throw new Error(`The plan has no ${type} "${name}"; it has ${names.length > 0 ? names.join(", ") : "none of that type"}.`);
}

export function byType(plan: Plan, type: string): readonly PlannedResource[] {
  return plan.resources.filter((candidate) => candidate.type === type);
}

/** @param urn The parent. @default the resources without a parent */
export function children(plan: Plan, urn?: string): readonly PlannedResource[] {
  return plan.resources.filter((candidate) => candidate.parent === urn);
}

/** `at(app.inputs, "spec.services[0].envs[2].value")`: a value inside a secret is a secret. */
export function at(value: Value, path: string): Value | undefined {
  let current: Value | undefined = value;
  for (const [step] of path.matchAll(/[^.[\]]+/g)) {
    const inside: Value | undefined = current instanceof Secret ? current.value : current;
    if (inside === null || typeof inside !== "object" || !Object.hasOwn(inside, step)) return undefined;
    const next = (inside as Readonly<Record<string, Value>>)[step] as Value;
    current = current instanceof Secret && !(next instanceof Secret) ? new Secret(next) : next;
  }
  return current;
}
