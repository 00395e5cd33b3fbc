import type { z } from "zod";
import type { Cloud } from "../core/cloud.ts";
import { stamp } from "../core/time.ts";
import { findCluster, patchCluster } from "./cluster.ts";
import { type RulesAsk, toRules } from "./firewall-rules.ts";

export const listRules = (cloud: Cloud, id: string) =>
  findCluster(cloud, id).rules.map(({ createdAt, ...rule }) => ({ ...rule, cluster_uuid: id, created_at: stamp(createdAt) }));

/** The whole list is replaced; what is in both keeps its uuid. */
export async function setRules(cloud: Cloud, id: string, { rules }: z.infer<typeof RulesAsk>): Promise<void> {
  findCluster(cloud, id);
  await cloud.exclusively(id, async () => {
    const next = toRules(cloud, rules, findCluster(cloud, id).rules);
    await cloud.backing.setFirewall(
      id,
      next.map(({ type, value }) => ({ type, value })),
    );
    patchCluster(cloud, id, { rules: next });
  });
}
