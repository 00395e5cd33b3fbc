/** A plan with other sizes, to see what they would cost, and what DigitalOcean would refuse. */
import { findInstance, instanceSlugs } from "../../catalog/instances.ts";
import { findNode, nodeSizes } from "../../catalog/nodes.ts";
import type { Engine } from "../../catalog/regions.ts";
import type { Plan, PlannedResource, Value } from "../../engine/plan.ts";
import { APP, componentsOf, field, items, unwrap } from "../../report/plan/app-spec.ts";
import { text } from "./cost.ts";

/** The operator requested a size that does not exist or does not fit. */
export class ResizeError extends Error {
  override readonly name = "UsageError";
}

export interface Resized {
  readonly plan: Pick<Plan, "resources">;
  /** Why DigitalOcean might refuse these sizes. */
  readonly warnings: readonly string[];
}

/** @param sizes By target: "shop-postgres", "shop-web api". */
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
  /** @throws {ResizeError} if it cannot have that size. */
  to(slug: string): { readonly resource: PlannedResource; readonly warnings: readonly string[] };
}

function targets(resources: readonly PlannedResource[]): readonly Target[] {
  return resources.flatMap((resource) => {
    if (resource.type === "digitalocean:index/databaseCluster:DatabaseCluster") return [cluster(resource)];
    if (resource.type === APP) return components(resource);
    return [];
  });
}

function cluster(resource: PlannedResource): Target {
  const name = resource.name.replace(/-cluster$/, "");
  return {
    name,
    resource,
    to(slug) {
      const engine = text(field(resource.inputs, "engine"), "pg") as Engine;
      const nodes = Number(field(resource.inputs, "nodeCount") ?? 1);
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
      const [from, to] = [findNode(text(field(resource.inputs, "size"), "")), findNode(slug)];
      const shrinks = from !== undefined && to !== undefined && to.memoryGiB < from.memoryGiB;
      return {
        resource: { ...resource, inputs: { ...resource.inputs, size: slug } },
        warnings: shrinks
          ? [`${name}: DigitalOcean only enlarges nodes. A smaller size needs a new cluster, and the data has to be moved.`]
          : [],
      };
    },
  };
}

function components(resource: PlannedResource): readonly Target[] {
  const app = resource.name.replace(/-app$/, "");
  return componentsOf(resource)
    .filter(({ kind }) => kind === "service" || kind === "worker" || kind === "job")
    .map(({ list, name: component, fields }): Target => {
      const name = `${app} ${component}`;
      return {
        name,
        resource,
        to(slug) {
          const instance = findInstance(slug);
          if (instance === undefined) throw new ResizeError(refusal(name, slug, instanceSlugs()));
          const isScaled = Number(field(fields, "instanceCount") ?? 1) > 1 || field(fields, "autoscaling") !== undefined;
          const [spec] = unwrap(resource.inputs.spec);
          const resized = items(field(spec, list)).map((one) => (one === fields ? { ...(one as object), instanceSizeSlug: slug } : one));
          return {
            resource: { ...resource, inputs: { ...resource.inputs, spec: { ...(spec as object), [list]: resized } as Value } },
            warnings:
              isScaled && instance.single ? [`${name}: ${slug} supports one instance only. With more, DigitalOcean refuses the app.`] : [],
          };
        },
      };
    });
}

function unknown(name: string, resources: readonly PlannedResource[]): string {
  const names = targets(resources).map((target) => target.name);
  return `"${name}" is not a cluster or component of this stack. ${names.length === 0 ? "The stack has none." : `Allowed: ${names.join(", ")}.`}`;
}

function refusal(name: string, slug: string, allowed: readonly string[], why = ""): string {
  return `"${slug}" is not a size of ${name}${why === "" ? "" : `: ${why}`}. Allowed: ${allowed.join(", ")}.`;
}

/** Why a size that exists does not fit. */
function whyNot(slug: string, engine: Engine, nodes: number): string {
  const node = findNode(slug);
  if (node === undefined) return "";
  if (!node.engines.includes(engine)) return `DigitalOcean offers it for ${node.engines.join(" and ")} only`;
  return `it does not support standby nodes, and the cluster has ${nodes} nodes`;
}
