/** Ways to a resource of a plan, and to a value inside it. */
import { type Plan, type PlannedResource, Secret, type Value } from "./plan.ts";

/** @throws where there is none, with the names there are. */
export function resource(plan: Plan, type: string, name: string): PlannedResource {
  const found = plan.resources.find((candidate) => candidate.type === type && candidate.name === name);
  if (found) return found;
  const names = byType(plan, type).map((candidate) => candidate.name);
  throw new Error(`The plan holds no ${type} "${name}"; it holds ${names.length > 0 ? names.join(", ") : "none of that type"}.`);
}

export function byType(plan: Plan, type: string): readonly PlannedResource[] {
  return plan.resources.filter((candidate) => candidate.type === type);
}

/** @param urn Without one, what stands at the top. */
export function children(plan: Plan, urn?: string): readonly PlannedResource[] {
  return plan.resources.filter((candidate) => candidate.parent === urn);
}

/** `at(app.inputs, "spec.services[0].envs[2].value")`: what lies inside a secret is a secret. */
export function at(value: Value, path: string): Value | undefined {
  let here: Value | undefined = value;
  for (const [step] of path.matchAll(/[^.[\]]+/g)) {
    const inside: Value | undefined = here instanceof Secret ? here.value : here;
    if (inside === null || typeof inside !== "object" || !Object.hasOwn(inside, step)) return undefined;
    const next = (inside as Readonly<Record<string, Value>>)[step] as Value;
    here = here instanceof Secret && !(next instanceof Secret) ? new Secret(next) : next;
  }
  return here;
}
