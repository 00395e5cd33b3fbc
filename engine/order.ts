/** The order of a deployment, from the dependencies between resources. */
import type { PlannedResource } from "./plan.ts";

type Dependent = Pick<PlannedResource, "urn" | "parent" | "dependencies" | "options">;

/** By code unit, which does not depend on the machine's locale. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Resources in layers: each depends only on resources of earlier layers. Within a layer they are sorted by URN, so that the order does not
 * depend on timing. A child is never in an earlier layer than its parent.
 */
export function layers<R extends Dependent>(resources: readonly R[]): readonly (readonly R[])[] {
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
    // A program cannot declare a cycle; this ends the recursion for a hand-made plan that has one.
    depths.set(resource.urn, 0);
    const before = dependenciesOf(resource).flatMap((urn) => byUrn.get(urn) ?? []);
    const depth = Math.max(-1, ...before.map(depthOf)) + 1;
    depths.set(resource.urn, depth);
    return depth;
  }
}

/** URNs of the resources that must exist first. */
function dependenciesOf(resource: Dependent): readonly string[] {
  const { provider } = resource.options;
  return [...resource.dependencies, ...(resource.parent ? [resource.parent] : []), ...(provider ? [provider] : [])];
}

/** The order of deletion: a resource is deleted before those that it needs. */
export function deletionOrder<R extends { readonly urn: string; readonly needs: readonly string[] }>(resources: readonly R[]): R[] {
  const byUrn = new Map(resources.map((it) => [it.urn, it]));
  const visited = new Set<R>();
  const order: R[] = [];
  const visit = (it: R): void => {
    if (visited.has(it)) return;
    visited.add(it);
    for (const urn of it.needs) {
      const needed = byUrn.get(urn);
      if (needed) visit(needed);
    }
    order.push(it);
  };
  for (const it of resources) visit(it);
  return order.reverse();
}
