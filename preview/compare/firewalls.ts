/** Compares the addresses that each cluster admits. */
import { isPrivate, parseBlock } from "../../catalog/ipv4.ts";
import { findPublicExcess, findSourceFault, formatCount } from "../../catalog/trusted-sources.ts";
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
    const risks = [...now].map((rule) => meaningOf(rule, now).risk);
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
  for (const rule of now) if (!old.has(rule)) yield { cluster, change: "opened", rule, ...meaningOf(rule, now) };
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

const UNKNOWN = "[unknown]";
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
  return `${type} ${value instanceof Unknown ? UNKNOWN : value}`;
}

function meaningOf(rule: string, rules: ReadonlySet<string>): { readonly risk: Risk; readonly note?: string } {
  const source = addressOf(rule);
  if (source === undefined) return { risk: "care" };
  const fault = findSourceFault(source);
  if (fault !== undefined) return { risk: "danger", note: fault.text };
  const block = parseBlock(source)!;
  if (isPrivate(block)) return { risk: "care" };
  const excess = findPublicExcess([...rules].flatMap((one) => addressOf(one) ?? []));
  if (excess !== undefined) return { risk: "danger", note: `all rules together let ${formatCount(excess)} public addresses in` };
  return { risk: "care", ...(block.prefix < 24 && { note: `${formatCount(2 ** (32 - block.prefix))} public addresses` }) };
}

/** Undefined for a rule that names no address, and for an address that is not known yet. */
function addressOf(rule: string): string | undefined {
  const [type, ...value] = rule.split(" ");
  return type === "ip_addr" && value.join(" ") !== UNKNOWN ? value.join(" ") : undefined;
}
