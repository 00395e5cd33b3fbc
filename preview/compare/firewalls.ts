/** Compares the addresses that each cluster admits. */
import { type PlannedResource, Unknown, type Value } from "../../engine/plan.ts";
import type { FirewallChange, Risk } from "../../report/review.ts";
import type { Compared, Comparison } from "./compare.ts";
import { referencesIn } from "./references.ts";

export function firewallChanges({ all }: Comparison): FirewallChange[] {
  const gone = new Set(all.flatMap(({ change, kind, label }) => (change === "delete" && kind === "DatabaseCluster" ? [label] : [])));
  return all
    .filter(({ kind, resource }) => kind === "DatabaseFirewall" && !resource.read)
    .flatMap((compared) => [...changesOf(compared, gone)]);
}

function* changesOf({ before, after, change }: Compared, gone: ReadonlySet<string>): Generator<FirewallChange> {
  const cluster = clusterOf((after ?? before)!);
  if (!after) {
    if (gone.has(cluster)) return;
    const kept = before!.options.retainOnDelete === true;
    const note = kept ? "its rules stay; Pulumi only forgets them" : "a cluster without rules is open to the internet";
    yield { cluster, change: "removed", rule: [...rulesOf(before!)].join(", "), risk: kept ? "care" : "danger", note };
    return;
  }
  const [old, now] = [before ? rulesOf(before) : new Set<string>(), rulesOf(after)];
  if (!before) {
    const risks = [...now].map((rule) => meaningOf(rule).risk);
    const open = now.size === 0 || risks.includes("danger");
    yield {
      cluster,
      change: "added",
      rule: [...now].join(", ") || "no rule",
      risk: open ? "danger" : "routine",
      ...(now.size === 0 && { note: EMPTY }),
    };
    return;
  }
  for (const rule of now) if (!old.has(rule)) yield { cluster, change: "opened", rule, ...meaningOf(rule) };
  for (const rule of old)
    if (!now.has(rule)) yield { cluster, change: "closed", rule, risk: "care", note: "clients at this address can no longer connect" };
  if (now.size === 0 && old.size > 0) yield { cluster, change: "opened", rule: "every address", risk: "danger", note: EMPTY };
  if (change === "replace" && !after.options.retainOnDelete) {
    yield {
      cluster,
      change: "opened",
      rule: "every address, temporarily",
      risk: "danger",
      note: "the provider deletes the old rules after it creates the new ones, which removes all rules",
    };
  }
}

const EMPTY = "an empty list of rules opens the cluster to the internet";

function clusterOf({ name, inputs }: PlannedResource): string {
  return [...referencesIn(inputs.clusterId)][0] ?? name;
}

function rulesOf({ inputs }: PlannedResource): ReadonlySet<string> {
  const { rules } = inputs;
  return new Set(Array.isArray(rules) ? rules.map((rule) => textOf(rule)) : []);
}

function textOf(rule: Value): string {
  const { type, value } = (rule ?? {}) as { readonly type?: Value; readonly value?: Value };
  return `${type} ${value instanceof Unknown ? "[unknown]" : value}`;
}

/** Private ranges (RFC 1918): nobody outside of a network of one's own has such an address. */
const PRIVATE = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/;

function meaningOf(rule: string): { readonly risk: Risk; readonly note?: string } {
  const [type, value = ""] = rule.split(" ");
  if (type !== "ip_addr") return { risk: "care" };
  const bits = Number(value.split("/")[1] ?? 32);
  if (bits === 0) return { risk: "danger", note: "the whole internet" };
  if (PRIVATE.test(value)) return { risk: "care" };
  if (bits < 24) return { risk: "danger", note: `${(2 ** (32 - bits)).toLocaleString("en")} public addresses` };
  return { risk: "care" };
}
