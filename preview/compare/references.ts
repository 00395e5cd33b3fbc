/**
 * Makes references comparable between two plans: a symbol becomes ‹resource.output›, a placeholder ‹setting›.
 *
 * A resource that an alias renames has its new name in both plans, so that a reference to it does not count as a change.
 */

import { placeholderFor } from "../../engine/placeholder.ts";
import { Asset, type Plan, type PlannedResource, Reference, Secret, Unknown, type Value } from "../../engine/plan.ts";
import { fingerprintOf } from "../record/parse.ts";
import { mark, outputName, SYMBOL } from "../record/symbols.ts";
import { transportOf } from "../record/transport.ts";

const REFERENCE = /‹([^‹›]{1,300}?)\.[A-Za-z0-9]{1,60}›/g;

/** Prefix of the fingerprint of a SECRET variable that the program does not mark as secret. */
export const UNMARKED = "unmarked ";

export interface Pair {
  readonly before?: PlannedResource;
  readonly after?: PlannedResource;
}

/** Matched by URN, then by alias, in the order of the head. Deleted resources come last. */
export function pairsOf(base: Plan, head: Plan): readonly Pair[] {
  const before = new Map(base.resources.map((resource) => [resource.urn, resource]));
  const headUrns = new Set(head.resources.map(({ urn }) => urn));
  const pairs = head.resources.map((after): Pair => {
    // An alias that is still the URN of a resource is not a former name.
    const urn = before.has(after.urn) ? after.urn : after.options.aliases?.find((alias) => before.has(alias) && !headUrns.has(alias));
    const same = urn === undefined ? undefined : before.get(urn);
    if (same === undefined) return { after };
    before.delete(same.urn);
    return { before: same, after };
  });
  return [...pairs, ...[...before.values()].map((deleted) => ({ before: deleted }))];
}

export function normalizeReferences(base: Plan, head: Plan): { readonly pairs: readonly Pair[]; readonly base: Plan; readonly head: Plan } {
  const pairs = pairsOf(base, head);
  const labels = labelsOf(pairs);
  const normalized = { base: normalizer(base, labels)(base), head: normalizer(head, labels)(head) };
  const [before, after] = [byUrn(normalized.base), byUrn(normalized.head)];
  return {
    ...normalized,
    pairs: pairs.map((pair) => ({
      ...(pair.before && { before: before.get(pair.before.urn)! }),
      ...(pair.after && { after: after.get(pair.after.urn)! }),
    })),
  };
}

/** Labels of the resources that a value refers to. */
export function referencesIn(value: Value | undefined): ReadonlySet<string> {
  const names = new Set<string>();
  visit(value ?? null);
  return names;

  function visit(inner: Value): void {
    if (typeof inner === "string") for (const [, name] of inner.matchAll(REFERENCE)) names.add(name!);
    else if (inner instanceof Secret) for (const origin of fingerprintOf(inner).of) visit(origin);
    else if (inner !== null && typeof inner === "object") for (const part of Object.values(inner)) visit(part as Value);
  }
}

/** Labels for references, by URN: the name, and the type if another resource has the same name. */
export function labelsOf(pairs: readonly Pair[]): ReadonlyMap<string, string> {
  const known = pairs.flatMap(({ before, after }) => (after ?? before)!).filter(({ custom }) => custom);
  const counts = new Map<string, number>();
  for (const { name } of known) counts.set(name, (counts.get(name) ?? 0) + 1);
  const labels = new Map<string, string>();
  for (const { before, after } of pairs) {
    const { name, type } = (after ?? before)!;
    const label = (counts.get(name) ?? 0) > 1 ? `${name} (${type.slice(type.lastIndexOf(":") + 1)})` : name;
    for (const resource of [before, after]) if (resource) labels.set(resource.urn, label);
  }
  return labels;
}

function byUrn({ resources }: Plan): ReadonlyMap<string, PlannedResource> {
  return new Map(resources.map((resource) => [resource.urn, resource]));
}

function normalizer(plan: Plan, labels: ReadonlyMap<string, string>): (plan: Plan) => Plan {
  const byMark = new Map(plan.resources.map(({ urn }) => [mark(urn), labels.get(urn)!]));
  const settings = new Map(plan.placeholders.map((key) => [placeholderFor(key), `‹${key}›`]));
  const text = (value: string): string =>
    value
      .replace(SYMBOL, (whole, output: string, of: string) => (byMark.has(of) ? `‹${byMark.get(of)}.${outputName(output)}›` : whole))
      .replace(/placeholder-[a-z0-9-]{1,60}-[0-9a-f]{32}/g, (whole) => settings.get(whole) ?? whole)
      .replace(/placeholder:([a-z-]+:[A-Za-z0-9]+)/g, "‹$1›");
  return (whole) => ({
    ...whole,
    resources: whole.resources.map((resource) => ({
      ...resource,
      inputs: record(resource.inputs),
      ...(resource.outputs && { outputs: record(resource.outputs) }),
    })),
    outputs: record(whole.outputs),
  });

  function record(values: Readonly<Record<string, Value>>): Record<string, Value> {
    const fields = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, normalize(value)]));
    // A SECRET variable is hidden here too, even if the program does not mark it as secret.
    if (fields.type === "SECRET" && typeof fields.key === "string" && typeof fields.value === "string") {
      const transport = transportOf(fields.key, fields.value);
      fields.value = new Secret({ print: `${UNMARKED}${fields.value}`, of: [], ...(transport && { transport: { ...transport } }) });
    }
    return fields;
  }

  function normalize(value: Value): Value {
    if (typeof value === "string") return text(value);
    if (value instanceof Secret) {
      const { of, ...rest } = fingerprintOf(value);
      return new Secret({ ...rest, of: of.map(text) } as unknown as Value);
    }
    if (value instanceof Reference) return labels.has(value.urn) ? `‹${labels.get(value.urn)}.urn›` : value;
    if (value instanceof Unknown || value instanceof Asset) return value;
    if (Array.isArray(value)) return value.map(normalize);
    return value !== null && typeof value === "object" ? record(value as Readonly<Record<string, Value>>) : value;
  }
}
