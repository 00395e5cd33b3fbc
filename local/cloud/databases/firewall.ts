import { z } from "zod";
import { parseEnclosingBlock } from "../../../catalog/ipv4.ts";
import { MOST_SOURCES } from "../../../catalog/limits.ts";
import { unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";
import { findCluster, patchCluster, type Rule } from "./cluster.ts";

const TYPES = ["droplet", "k8s", "ip_addr", "tag", "app"] as const;

export const FirewallRulesRequest = z.object({
  rules: z.array(z.object({ type: z.enum(TYPES), value: z.string().min(1), description: z.string().optional() })),
});
type RequestedRules = z.infer<typeof FirewallRulesRequest>["rules"];

export const listRules = (cloud: Cloud, id: string) =>
  findCluster(cloud, id).rules.map(({ createdAt, ...rule }) => ({ ...rule, cluster_uuid: id, created_at: formatTimestamp(createdAt) }));

/** Replaces the whole list. Rules in both lists keep their uuid. */
export async function setRules(cloud: Cloud, id: string, { rules }: z.infer<typeof FirewallRulesRequest>): Promise<void> {
  findCluster(cloud, id);
  await cloud.withLock(id, async () => {
    const next = toRules(cloud, rules, findCluster(cloud, id).rules);
    await cloud.backing.setFirewall(
      id,
      next.map(({ type, value }) => ({ type, value })),
    );
    patchCluster(cloud, id, { rules: next });
  });
}

export function toRules(cloud: Cloud, requested: RequestedRules, existing: readonly Rule[] = []): Rule[] {
  if (requested.length > MOST_SOURCES) throw unprocessable(`at most ${MOST_SOURCES} firewall rules are allowed`);
  requested.forEach(checkRule);
  return requested.map((rule) => {
    const same = existing.find(({ type, value }) => type === rule.type && value === rule.value);
    return { uuid: same?.uuid ?? newId(), createdAt: same?.createdAt ?? cloud.now(), ...rule };
  });
}

function checkRule({ type, value }: RequestedRules[number]): void {
  const isValid: Record<(typeof TYPES)[number], () => boolean> = {
    ip_addr: () => parseEnclosingBlock(value) !== undefined,
    droplet: () => /^\d+$/.test(value),
    app: () => isUuid(value),
    k8s: () => isUuid(value),
    tag: () => /^[a-zA-Z0-9_\-:]+$/.test(value),
  };
  if (isValid[type]()) return;
  const hint = value.includes(":") && type === "ip_addr" ? " (IPv6 is not supported)" : "";
  throw unprocessable(`invalid firewall rule: "${value}" is no ${type}${hint}`);
}

const isUuid = (value: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
