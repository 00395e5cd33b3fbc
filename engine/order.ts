/** The order in which a deployment may happen, from what really waits for what. */
import type { PlannedResource } from "./plan.ts";

type Waiting = Pick<PlannedResource, "urn" | "parent" | "dependencies" | "options">;

/** By code unit: the same on every machine, whatever its language. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Resources in layers: each waits only for those in layers before its own; within a layer by URN, so that the order never depends on timing.
 * A child is never before its parent.
 */
export function layers<R extends Waiting>(resources: readonly R[]): readonly (readonly R[])[] {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const depths = new Map<string, number>();
  const result: R[][] = [];
  for (const resource of [...resources].sort((a, b) => compare(a.urn, b.urn))) {
    const layer = depthOf(resource);
    result[layer] = [...(result[layer] ?? []), resource];
  }
  return result;

  function depthOf(resource: R): number {
    const known = depths.get(resource.urn);
    if (known !== undefined) return known;
    // The program could not have declared a circle; this only keeps a hand-made plan from never ending.
    depths.set(resource.urn, 0);
    const before = waitsFor(resource).flatMap((urn) => byUrn.get(urn) ?? []);
    const depth = Math.max(-1, ...before.map(depthOf)) + 1;
    depths.set(resource.urn, depth);
    return depth;
  }
}

/** Everything that must be there first. */
function waitsFor(resource: Waiting): readonly string[] {
  const { provider } = resource.options;
  return [...resource.dependencies, ...(resource.parent ? [resource.parent] : []), ...(provider ? [provider] : [])];
}
