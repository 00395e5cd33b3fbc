import { z } from "zod";
import { unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { type Cluster, type ClusterEvent, changeOnline, findCluster, patchCluster, toBackedCluster, type Work } from "./cluster.ts";
import { checkPlan, checkVersion, type StorageAutoscaleRequest, toAutoscale, vpcIn } from "./clusters.ts";
import { baseStorageMib, memoryGib } from "./engines.ts";

export const ResizeClusterRequest = z.object({
  size: z.string(),
  num_nodes: z.number().int(),
  storage_size_mib: z.number().int().optional(),
});
export const MigrateClusterRequest = z.object({ region: z.string(), private_network_uuid: z.string().optional() });
export const UpgradeClusterRequest = z.object({ version: z.string() });

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
export const MaintenanceWindowRequest = z.object({
  day: z.string().toLowerCase().pipe(z.enum(DAYS)),
  hour: z.string().regex(/^([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, "must be a time of day such as 14:00"),
});

export const ServiceCnamesRequest = z.object({
  do_settings: z.object({ service_cnames: z.array(z.hostname().max(253)).max(16) }),
});

/** A cluster cannot shrink: its data might no longer fit. */
export async function resizeCluster(cloud: Cloud, id: string, request: z.infer<typeof ResizeClusterRequest>): Promise<void> {
  await changeServer(cloud, id, "resizing", (cluster) => {
    // The Terraform provider sends a replica's previous storage with its new size.
    const storage_size_mib = cluster.replicaOf ? undefined : request.storage_size_mib;
    checkPlan(cluster.engine, { ...request, storage_size_mib, region: cluster.region });
    if (memoryGib(request.size) < memoryGib(cluster.size))
      throw unprocessable(`cannot resize from ${cluster.size} to the smaller ${request.size}`);
    const storage = storage_size_mib || Math.max(cluster.storage_size_mib, baseStorageMib(cluster.engine, request.size));
    if (storage < cluster.storage_size_mib) throw unprocessable(`storage cannot shrink below ${cluster.storage_size_mib} MiB`);
    return { size: request.size, num_nodes: request.num_nodes, storage_size_mib: storage };
  });
}

export async function migrateCluster(
  cloud: Cloud,
  id: string,
  { region, private_network_uuid }: z.infer<typeof MigrateClusterRequest>,
): Promise<void> {
  await changeServer(cloud, id, "migrating", (cluster) => {
    checkPlan(cluster.engine, { ...cluster, region });
    return { region, ...(private_network_uuid && { private_network_uuid: vpcIn(cloud, private_network_uuid, region) }) };
  });
}

export async function upgradeCluster(cloud: Cloud, id: string, { version }: z.infer<typeof UpgradeClusterRequest>): Promise<void> {
  await changeServer(cloud, id, "upgrading", (cluster) => {
    checkVersion(cloud, cluster.engine, version);
    if (Number(version) <= Number(cluster.version)) throw unprocessable(`cannot upgrade from ${cluster.version} to ${version}`);
    return { version };
  });
}

async function changeServer(cloud: Cloud, id: string, work: Work, plan: (cluster: Cluster) => Partial<Cluster>): Promise<void> {
  await changeOnline(cloud, id, async (cluster) => {
    const patch = plan(cluster);
    const endpoint = await cloud.backing.startCluster(toBackedCluster({ ...cluster, ...patch }));
    const since = cloud.now();
    return {
      ...patch,
      endpoint,
      work: { what: work, since, until: since + cloud.durations.changeCluster },
      events: withEvent(cloud, cluster, "cluster_update"),
    };
  });
}

export function setMaintenance(cloud: Cloud, id: string, { day, hour }: z.infer<typeof MaintenanceWindowRequest>): void {
  const [hours = "", minutes = "", seconds = "00"] = hour.split(":");
  const { maintenance } = findCluster(cloud, id);
  patchCluster(cloud, id, { maintenance: { ...maintenance, day, hour: `${hours.padStart(2, "0")}:${minutes}:${seconds}` } });
}

export function installUpdate(cloud: Cloud, id: string): void {
  const cluster = findCluster(cloud, id);
  patchCluster(cloud, id, {
    maintenance: { ...cluster.maintenance, pending: false, description: [] },
    events: withEvent(cloud, cluster, "cluster_maintenance_perform"),
  });
}

export const readAutoscale = (cloud: Cloud, id: string) => ({ storage: findCluster(cloud, id).autoscale ?? { enabled: false } });

export const setAutoscale = (cloud: Cloud, id: string, storage: z.infer<typeof StorageAutoscaleRequest>): void =>
  patchCluster(cloud, id, { autoscale: toAutoscale(storage) });

export const readServiceCnames = (cloud: Cloud, id: string) => ({ service_cnames: findCluster(cloud, id).serviceCnames });

export const setServiceCnames = (cloud: Cloud, id: string, { do_settings }: z.infer<typeof ServiceCnamesRequest>): void =>
  patchCluster(cloud, id, { serviceCnames: do_settings.service_cnames });

const MAX_EVENTS = 100;

export const withEvent = (cloud: Cloud, cluster: Cluster, event_type: ClusterEvent["event_type"]): readonly ClusterEvent[] =>
  [...cluster.events, { id: newId(), event_type, at: cloud.now() }].slice(-MAX_EVENTS);
