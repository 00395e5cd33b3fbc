import { z } from "zod";
import { badRequest, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { type Cluster, changeOnline, findCluster } from "./cluster.ts";
import { configError, EVICTION_POLICIES } from "./config-fields.ts";

export const PatchConfigRequest = z.object({ config: z.record(z.string(), z.unknown()) });
export const EvictionPolicyRequest = z.object({ eviction_policy: z.enum(EVICTION_POLICIES) });

/** Valkey's eviction policy is a field of its configuration, in Valkey's spelling with dashes. */
const POLICY = "valkey_maxmemory_policy";

/** Returns the fields that were set, and for Valkey also its defaults. */
export function readConfig(cloud: Cloud, id: string): Readonly<Record<string, unknown>> {
  const { engine, config } = findCluster(cloud, id);
  return engine === "valkey" ? { [POLICY]: "noeviction", valkey_persistence: "rdb", valkey_ssl: true, ...config } : config;
}

export async function patchConfig(cloud: Cloud, id: string, { config }: z.infer<typeof PatchConfigRequest>): Promise<void> {
  await changeOnline(cloud, id, async (cluster) => {
    const error = configError(cluster.engine, config);
    if (error) throw badRequest(error);
    return configure(cloud, cluster, config);
  });
}

export function readEvictionPolicy(cloud: Cloud, id: string): string {
  requireValkey(findCluster(cloud, id));
  return String(readConfig(cloud, id)[POLICY]).replaceAll("-", "_");
}

export async function setEvictionPolicy(cloud: Cloud, id: string, request: z.infer<typeof EvictionPolicyRequest>): Promise<void> {
  requireValkey(findCluster(cloud, id));
  await changeOnline(cloud, id, (cluster) => configure(cloud, cluster, { [POLICY]: request.eviction_policy.replaceAll("_", "-") }));
}

async function configure(cloud: Cloud, cluster: Cluster, change: Readonly<Record<string, unknown>>): Promise<Partial<Cluster>> {
  const config = { ...cluster.config, ...change };
  await cloud.backing.configure(cluster.id, config);
  return { config };
}

function requireValkey({ engine }: Cluster): void {
  if (engine !== "valkey") throw unprocessable(`eviction policies are not supported for ${engine} clusters`);
}

/** Only MySQL has an SQL mode, and MySQL clusters do not exist here. */
export function refuseSqlMode(cloud: Cloud, id: string): never {
  throw unprocessable(`sql_mode is not supported for ${findCluster(cloud, id).engine} clusters`);
}
