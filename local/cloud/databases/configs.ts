import { z } from "zod";
import { badRequest, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { type Cluster, changeOnline, findCluster } from "./cluster.ts";
import { configMistake, EVICTION_POLICIES } from "./config-fields.ts";

export const ConfigAsk = z.object({ config: z.record(z.string(), z.unknown()) });
export const EvictionAsk = z.object({ eviction_policy: z.enum(EVICTION_POLICIES) });

/** Valkey's eviction policy is a field of its configuration, kept there in Valkey's own spelling. */
const POLICY = "valkey_maxmemory_policy";

/** What was set, and for Valkey what it starts with. */
export function readConfig(cloud: Cloud, id: string): Readonly<Record<string, unknown>> {
  const { engine, config } = findCluster(cloud, id);
  return engine === "valkey" ? { [POLICY]: "noeviction", valkey_persistence: "rdb", valkey_ssl: true, ...config } : config;
}

export async function patchConfig(cloud: Cloud, id: string, { config }: z.infer<typeof ConfigAsk>): Promise<void> {
  await changeOnline(cloud, id, async (cluster) => {
    const mistake = configMistake(cluster.engine, config);
    if (mistake) throw badRequest(mistake);
    return configured(cloud, cluster, config);
  });
}

export function readEvictionPolicy(cloud: Cloud, id: string): string {
  requireValkey(findCluster(cloud, id));
  return String(readConfig(cloud, id)[POLICY]).replaceAll("-", "_");
}

export async function setEvictionPolicy(cloud: Cloud, id: string, ask: z.infer<typeof EvictionAsk>): Promise<void> {
  requireValkey(findCluster(cloud, id));
  await changeOnline(cloud, id, (cluster) => configured(cloud, cluster, { [POLICY]: ask.eviction_policy.replaceAll("_", "-") }));
}

async function configured(cloud: Cloud, cluster: Cluster, change: Readonly<Record<string, unknown>>): Promise<Partial<Cluster>> {
  const config = { ...cluster.config, ...change };
  await cloud.backing.configure(cluster.id, config);
  return { config };
}

function requireValkey({ engine }: Cluster): void {
  if (engine !== "valkey") throw unprocessable(`eviction policies are not supported for ${engine} clusters`);
}

/** Only MySQL has one, and this cloud does not run it. */
export function refuseSqlMode(cloud: Cloud, id: string): never {
  throw unprocessable(`sql_mode is not supported for ${findCluster(cloud, id).engine} clusters`);
}
