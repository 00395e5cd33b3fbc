/** The system that a resource belongs to, by the prefix of its name. The plan's post-deploy steps name the systems. */
import type { Plan, PlannedResource } from "../../engine/plan.ts";

export type OwnerOf = (resource: Pick<PlannedResource, "name">) => string | undefined;

export function owners(...plans: readonly Pick<Plan, "resources">[]): OwnerOf {
  const named = plans.flatMap(({ resources }) =>
    resources.flatMap(({ inputs }) => (typeof inputs.system === "string" ? [inputs.system] : [])),
  );
  // Longest first: "shop-next" is not a resource of "shop".
  const systems = [...new Set(named)].sort((one, other) => other.length - one.length);
  return ({ name }) => systems.find((system) => name === system || name.startsWith(`${system}-`));
}
