/** Which system a resource belongs to. A plan's post-deploy steps name the systems; what is a system's own carries its name in front. */
import type { Plan, PlannedResource } from "../../engine/plan.ts";

export type OwnerOf = (resource: Pick<PlannedResource, "name">) => string | undefined;

export function owners(...plans: readonly Pick<Plan, "resources">[]): OwnerOf {
  const named = plans.flatMap(({ resources }) =>
    resources.flatMap(({ inputs }) => (typeof inputs.system === "string" ? [inputs.system] : [])),
  );
  // The longest first: "devx-next" is not a part of "devx".
  const systems = [...new Set(named)].sort((one, other) => other.length - one.length);
  return ({ name }) => systems.find((system) => name === system || name.startsWith(`${system}-`));
}
