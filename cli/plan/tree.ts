/** The tree of a plan: components and what is inside them, in the order in which they are ready. */
import type { MaskedResource } from "../../engine/mask.ts";
import { compare, layers } from "../../engine/order.ts";
import { groupBy } from "../shared/group.ts";
import type { Paper } from "../shared/terminal.ts";
import { factsOf, flagsOf } from "./facts.ts";

export function treeText(resources: readonly MaskedResource[], paper: Paper): string {
  const below = groupBy(resources, (resource) => resource.parent);
  const ready = readiness(resources);
  return branch(undefined, "").join("\n");

  function branch(parent: MaskedResource | undefined, indent: string): readonly string[] {
    const level = [...(below.get(parent?.urn) ?? [])].sort((a, b) => ready(a) - ready(b) || compare(a.urn, b.urn));
    return level.flatMap((resource, index) => {
      const [knot, rail] = parent === undefined ? ["", ""] : index === level.length - 1 ? ["└─ ", "   "] : ["├─ ", "│  "];
      const stem = indent + rail + (below.has(resource.urn) ? "│  " : "   ");
      return [...leaf(resource, parent, indent + knot, stem, paper), ...branch(resource, indent + rail)];
    });
  }
}

/** The door behind which a resource, or the last of what is inside it, is done. */
function readiness(resources: readonly MaskedResource[]): (resource: MaskedResource) => number {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const doors = new Map<string, number>();
  for (const [door, layer] of layers(resources.filter(({ custom }) => custom)).entries()) {
    for (const resource of layer) {
      for (let here: MaskedResource | undefined = resource; here; here = byUrn.get(here.parent ?? "")) {
        doors.set(here.urn, Math.max(door, doors.get(here.urn) ?? 0));
      }
    }
  }
  return ({ urn }) => doors.get(urn) ?? 0;
}

/** Flags and facts stand beside the name where there is room, else on one line below it; `--json` has them all. */
function leaf(
  resource: MaskedResource,
  parent: MaskedResource | undefined,
  start: string,
  stem: string,
  { columns, style }: Paper,
): readonly string[] {
  const name = shortName(resource.name, parent?.name);
  const kind = shortType(resource.type);
  const flags = flagsOf(resource).map((flag) => `[${flag}]`);
  const facts = resource.custom ? factsOf(resource) : [];
  const head = `${style.dim(start)}${style.bold(name)} ${style.dim(kind)}`;
  const beside = (count: number) => [`${start}${name} ${kind}`, ...flags, ...facts.slice(0, count)].join(" · ").length <= columns;
  const shown = (some: readonly string[]) => some.map((text) => (flags.includes(text) ? style.warn(text) : text)).join(" · ");
  const all = [...flags, ...facts];
  if (all.length === 0) return [head];
  if (beside(facts.length)) return [`${head}   ${shown(all)}`];
  if (flags.length > 0 && beside(0)) return [`${head} ${shown(flags)}`, style.dim(stem) + shown(cut(facts, columns - stem.length))];
  return [head, style.dim(stem) + shown(cut(all, columns - stem.length))];
}

/** A child is often named after its parent, which stands above it: what it adds to that is what tells it apart. */
function shortName(name: string, parent: string | undefined): string {
  return parent !== undefined && name.startsWith(`${parent}-`) ? `…${name.slice(parent.length)}` : name;
}

/** As many as there is room for; three dots say that there is more. */
function cut(facts: readonly string[], width: number): readonly string[] {
  if (facts.join(" · ").length <= width) return facts;
  const more = " · …";
  const fitting = facts.findLastIndex((_, index) => facts.slice(0, index).join(" · ").length + more.length <= width);
  return fitting > 0 ? [...facts.slice(0, fitting), "…"] : [`${(facts[0] ?? "").slice(0, width - 1)}…`];
}

export function shortType(type: string): string {
  return type.split(":").at(-1)?.split("/").at(-1) ?? type;
}
