/** A plan in which something has another size: what would it cost, and would DigitalOcean do it? */
import { findInstance, instanceSlugs } from "../../catalog/instances.ts";
import { findNode, nodeSizes } from "../../catalog/nodes.ts";
import type { Engine } from "../../catalog/regions.ts";
import type { Plan, PlannedResource, Value } from "../../engine/plan.ts";
import { bare, field, text } from "./line.ts";

/** Somebody asked for what cannot be. */
export class ResizeError extends Error {
  override readonly name = "UsageError";
}

export interface Resized {
  readonly plan: Pick<Plan, "resources">;
  /** What speaks against it. */
  readonly warnings: readonly string[];
}

/** @param sizes By what is resized: "candlefish-postgres", "fluxstudio-fluxstudio api". */
export function resize(plan: Pick<Plan, "resources">, sizes: Readonly<Record<string, string>>): Resized {
  const warnings: string[] = [];
  let { resources } = plan;
  for (const [name, slug] of Object.entries(sizes)) {
    const target = targets(resources).find((one) => one.name === name);
    if (target === undefined) throw new ResizeError(unknown(name, resources));
    const resized = target.to(slug);
    warnings.push(...resized.warnings);
    resources = resources.map((resource) => (resource === target.resource ? resized.resource : resource));
  }
  return { plan: { resources }, warnings };
}

interface Target {
  readonly name: string;
  readonly resource: PlannedResource;
  /** @throws {ResizeError} where it takes no such size. */
  to(slug: string): { readonly resource: PlannedResource; readonly warnings: readonly string[] };
}

function targets(resources: readonly PlannedResource[]): readonly Target[] {
  return resources.flatMap((resource) => {
    if (resource.type === "digitalocean:index/databaseCluster:DatabaseCluster") return [cluster(resource)];
    if (resource.type === "digitalocean:index/app:App") return components(resource);
    return [];
  });
}

function cluster(resource: PlannedResource): Target {
  const name = resource.name.replace(/-cluster$/, "");
  return {
    name,
    resource,
    to(slug) {
      const engine = text(bare(resource.inputs.engine), "pg") as Engine;
      const nodes = Number(bare(resource.inputs.nodeCount) ?? 1);
      const sizes = nodeSizes(engine, nodes);
      if (!sizes.some((size) => size.slug === slug))
        throw new ResizeError(
          refusal(
            name,
            slug,
            sizes.map((size) => size.slug),
            whyNot(slug, engine, nodes),
          ),
        );
      const [from, to] = [findNode(text(bare(resource.inputs.size), "")), findNode(slug)];
      const shrinks = from !== undefined && to !== undefined && to.memoryGiB < from.memoryGiB;
      return {
        resource: { ...resource, inputs: { ...resource.inputs, size: slug } },
        warnings: shrinks
          ? [`${name}: DigitalOcean resizes nodes upwards only; a smaller one means a new cluster and moving the data.`]
          : [],
      };
    },
  };
}

const KINDS = ["services", "workers", "jobs"];

function components(resource: PlannedResource): readonly Target[] {
  const app = resource.name.replace(/-app$/, "");
  return KINDS.flatMap((kind) => {
    const given = field(resource.inputs.spec, kind);
    const list: readonly Value[] = Array.isArray(given) ? given : [];
    return list.map((component: Value, index): Target => {
      const name = `${app} ${text(field(component, "name"), String(index))}`;
      return {
        name,
        resource,
        to(slug) {
          if (findInstance(slug) === undefined) throw new ResizeError(refusal(name, slug, instanceSlugs()));
          const several =
            (Number(field(component, "instanceCount") ?? 1) > 1 || field(component, "autoscaling") !== undefined) &&
            findInstance(slug)?.single;
          const spec = { ...(bare(resource.inputs.spec) as Readonly<Record<string, Value>>) };
          spec[kind] = list.map((one: Value, at: number) =>
            at === index ? { ...(bare(one) as object), instanceSizeSlug: slug } : one,
          ) as Value;
          return {
            resource: { ...resource, inputs: { ...resource.inputs, spec } },
            warnings: several ? [`${name}: ${slug} is a plan for one instance; with more, DigitalOcean refuses the app.`] : [],
          };
        },
      };
    });
  });
}

function unknown(name: string, resources: readonly PlannedResource[]): string {
  const names = targets(resources).map((target) => target.name);
  return `Nothing that has a size is called "${name}". There is ${names.length === 0 ? "nothing with a size" : names.join(", ")}.`;
}

function refusal(name: string, slug: string, allowed: readonly string[], why = ""): string {
  return `"${slug}" is no size for ${name}${why === "" ? "" : `: ${why}`}. Allowed: ${allowed.join(", ")}.`;
}

/** Of a size that exists. */
function whyNot(slug: string, engine: Engine, nodes: number): string {
  const node = findNode(slug);
  if (node === undefined) return "";
  if (!node.engines.includes(engine)) return `DigitalOcean has it for ${node.engines.join(" and ")} only`;
  return `it takes no standby, and there are ${nodes} nodes`;
}
