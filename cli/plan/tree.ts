/** The tree of a plan: components and the resources in them, in creation order. */

import type { MaskedResource } from "../../engine/mask.ts";
import { compare, layers } from "../../engine/order.ts";
import { shortType } from "../../engine/urn.ts";
import { groupBy } from "../shared/group-by.ts";
import type { Layout } from "../shared/terminal.ts";
import { displayWidth, truncate } from "../shared/width.ts";
import { describeFacts, describeFlags } from "./facts.ts";

export function formatTree(resources: readonly MaskedResource[], layout: Layout): string {
  const below = groupBy(resources, (resource) => resource.parent);
  const ready = readiness(resources);
  return branch(undefined, "").join("\n");

  function branch(parent: MaskedResource | undefined, indent: string): readonly string[] {
    const level = [...(below.get(parent?.urn) ?? [])].sort((a, b) => ready(a) - ready(b) || compare(a.urn, b.urn));
    return level.flatMap((resource, index) => {
      const [branchMark, rail] = parent === undefined ? ["", ""] : index === level.length - 1 ? ["└─ ", "   "] : ["├─ ", "│  "];
      const stem = indent + rail + (below.has(resource.urn) ? "│  " : "   ");
      return [...leaf(resource, parent, indent + branchMark, stem, layout), ...branch(resource, indent + rail)];
    });
  }
}

/** The step of the creation order at which a resource and everything inside it exist. */
function readiness(resources: readonly MaskedResource[]): (resource: MaskedResource) => number {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const steps = new Map<string, number>();
  for (const [step, layer] of layers(resources.filter(({ custom }) => custom)).entries()) {
    for (const resource of layer) {
      for (let here: MaskedResource | undefined = resource; here; here = byUrn.get(here.parent ?? "")) {
        steps.set(here.urn, Math.max(step, steps.get(here.urn) ?? 0));
      }
    }
  }
  return ({ urn }) => steps.get(urn) ?? 0;
}

/** Flags and facts follow the name where they fit, else on one line below it; `--json` has them all. */
function leaf(
  resource: MaskedResource,
  parent: MaskedResource | undefined,
  start: string,
  stem: string,
  { columns, style }: Layout,
): readonly string[] {
  const name = shortName(resource.name, parent?.name);
  const kind = shortType(resource.type);
  const flags = describeFlags(resource, parent).map((flag) => `[${flag}]`);
  const facts = resource.custom ? describeFacts(resource) : [];
  const head = `${style.dim(start)}${style.bold(name)} ${style.dim(kind)}`;
  const fits = (count: number) => displayWidth([`${start}${name} ${kind}`, ...flags, ...facts.slice(0, count)].join(" · ")) <= columns;
  const shown = (some: readonly string[]) => some.map((text) => (flags.includes(text) ? style.warn(text) : text)).join(" · ");
  const all = [...flags, ...facts];
  if (all.length === 0) return [head];
  if (fits(facts.length)) return [`${head}   ${shown(all)}`];
  if (flags.length > 0 && fits(0))
    return [`${head} ${shown(flags)}`, style.dim(stem) + shown(fitting(facts, columns - displayWidth(stem)))];
  return [head, style.dim(stem) + shown(fitting(all, columns - displayWidth(stem)))];
}

/** A child is often named after its parent, which is printed above it: only the rest is printed. */
function shortName(name: string, parent: string | undefined): string {
  return parent !== undefined && name.startsWith(`${parent}-`) ? `…${name.slice(parent.length)}` : name;
}

/** As many as fit; an ellipsis says that there are more. */
function fitting(facts: readonly string[], width: number): readonly string[] {
  if (displayWidth(facts.join(" · ")) <= width) return facts;
  const more = displayWidth(" · …");
  const count = facts.findLastIndex((_, index) => displayWidth(facts.slice(0, index).join(" · ")) + more <= width);
  return count > 0 ? [...facts.slice(0, count), "…"] : [`${truncate(facts[0] ?? "", width - 1)}…`];
}
