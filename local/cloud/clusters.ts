import { z } from "zod";
import { MOST_NODES } from "../../catalog/limits.ts";
import { notFound, unprocessable } from "./api-error.ts";
import {
  allClusters,
  type Cluster,
  dropCluster,
  findCluster,
  findClusterNamed,
  newCluster,
  place,
  putCluster,
  type StorageAutoscale,
  statusOf,
  viewUsers,
} from "./cluster.ts";
import { versionsToday } from "./cluster-records.ts";
import { bringUp } from "./cluster-start.ts";
import { viewConnections } from "./connections.ts";
import { RulesAsk, toRules } from "./firewall-rules.ts";
import type { Cloud } from "./handle.ts";
import { baseStorageMib, ENGINES, type Engine, sizesFor } from "./offer.ts";
import { assign, projectOf, requireProject } from "./projects.ts";
import { ensureTags, TagNames } from "./tags.ts";
import { defaultVpc, findVpc } from "./vpcs.ts";
import { stamp } from "./waits.ts";

export const StorageAutoscaleAsk = z.object({
  enabled: z.boolean(),
  threshold_percent: z.number().int().optional(),
  increment_gib: z.number().int().optional(),
});

export const ClusterAsk = z.object({
  name: z.string(),
  engine: z.string(),
  version: z.string().optional(),
  size: z.string(),
  region: z.string(),
  num_nodes: z.number().int(),
  tags: TagNames,
  private_network_uuid: z.string().optional(),
  project_id: z.string().optional(),
  storage_size_mib: z.number().int().optional(),
  storage_autoscale: StorageAutoscaleAsk.optional(),
  rules: RulesAsk.shape.rules.optional(),
  backup_restore: z.object({ database_name: z.string(), backup_created_at: z.string().optional() }).optional(),
});

// ── Create, read, delete ────────────────────────────────────────────────────────────────────────────────────────────

export function listClusters(cloud: Cloud, tag?: string) {
  return allClusters(cloud)
    .filter((cluster) => !cluster.replicaOf && (!tag || cluster.tags.includes(tag)))
    .map((cluster) => viewCluster(cloud, cluster));
}

export const readCluster = (cloud: Cloud, id: string) => viewCluster(cloud, findCluster(cloud, id));

export async function createCluster(cloud: Cloud, ask: z.infer<typeof ClusterAsk>) {
  // One at a time in the whole account: names are unique in it, and placing a cluster takes a moment.
  return await cloud.exclusively("new cluster", async () => {
    const { engine, version } = checkEngine(cloud, ask);
    checkName(cloud, ask.name);
    checkPlan(engine, ask);
    if (ask.project_id) requireProject(cloud, ask.project_id);
    const source = ask.backup_restore ? restorable(cloud, engine, ask.backup_restore.database_name) : undefined;
    const rules = toRules(cloud, ask.rules ?? []);
    const network = ask.private_network_uuid ? vpcIn(cloud, ask.private_network_uuid, ask.region) : defaultVpc(cloud, ask.region).id;

    const cluster = await place(cloud, {
      ...newCluster(cloud, engine),
      name: ask.name,
      version,
      region: ask.region,
      size: ask.size,
      num_nodes: ask.num_nodes,
      storage_size_mib: ask.storage_size_mib || baseStorageMib(engine, ask.size),
      private_network_uuid: network,
      tags: ask.tags ?? [],
      rules,
      work: { what: source ? "forking" : "creating", since: cloud.now(), until: null },
      ...(source && { forkOf: source.id, databases: source.databases, users: source.users }),
      ...(ask.storage_autoscale && { autoscale: toAutoscale(ask.storage_autoscale) }),
    });
    ensureTags(cloud, cluster.tags);
    putCluster(cloud, cluster);
    assign(cloud, urnOf(cluster), ask.project_id);
    bringUp(cloud, cluster.id, cloud.waits.createCluster);
    return viewCluster(cloud, cluster);
  });
}

export async function deleteCluster(cloud: Cloud, id: string): Promise<void> {
  findCluster(cloud, id);
  await cloud.exclusively(id, async () => {
    findCluster(cloud, id);
    for (const replica of allClusters(cloud).filter((cluster) => cluster.replicaOf === id))
      await cloud.exclusively(replica.id, () => removeCluster(cloud, replica.id));
    await removeCluster(cloud, id);
  });
}

export async function removeCluster(cloud: Cloud, id: string): Promise<void> {
  await cloud.backing.removeCluster(id);
  dropCluster(cloud, id);
}

// ── Checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function checkEngine(cloud: Cloud, ask: z.infer<typeof ClusterAsk>): { engine: Engine; version: string } {
  if (ask.engine === "redis") throw unprocessable("redis is no longer available for new clusters (since 2025-04-30), use valkey");
  if (!Object.hasOwn(ENGINES, ask.engine))
    throw unprocessable(`invalid engine "${ask.engine}": this cloud runs ${Object.keys(ENGINES).join(" and ")}`);
  const engine = ask.engine as Engine;
  const version = ask.version || (versionsToday(cloud, engine).at(-1) ?? "");
  checkVersion(cloud, engine, version);
  return { engine, version };
}

export function checkVersion(cloud: Cloud, engine: Engine, version: string): void {
  const versions = versionsToday(cloud, engine);
  if (!versions.includes(version)) throw unprocessable(`invalid version "${version}" for ${engine}: must be one of ${versions.join(", ")}`);
}

function checkName(cloud: Cloud, name: string): void {
  if (!/^[a-z][a-z0-9-]{1,61}[a-z0-9]$/.test(name)) {
    throw unprocessable("invalid cluster name: 3 to 63 lower-case letters, digits and dashes, beginning with a letter");
  }
  if (findClusterNamed(cloud, name)) throw unprocessable("cluster name is not available");
}

export interface Plan {
  readonly size: string;
  readonly region: string;
  readonly num_nodes: number;
  readonly storage_size_mib?: number | undefined;
}

export function checkPlan(engine: Engine, { size, region, num_nodes, storage_size_mib }: Plan): void {
  const offer = ENGINES[engine];
  if (!offer.regions.includes(region)) throw unprocessable("invalid region");
  if (!sizesFor(engine, 1).includes(size)) throw unprocessable("invalid size");
  if (num_nodes < 1 || num_nodes > MOST_NODES) throw unprocessable(`invalid num_nodes: must be from 1 to ${MOST_NODES}`);
  if (!sizesFor(engine, num_nodes).includes(size)) {
    throw unprocessable(`invalid size: ${size} comes in one node only, ${num_nodes} nodes need at least db-s-1vcpu-2gb`);
  }
  const least = baseStorageMib(engine, size);
  if (storage_size_mib && storage_size_mib < least) throw unprocessable(`invalid storage_size_mib: ${size} comes with ${least}`);
}

export function vpcIn(cloud: Cloud, id: string, region: string): string {
  const vpc = findVpc(cloud, id);
  if (vpc.region !== region)
    throw unprocessable(`invalid private_network_uuid: VPC ${vpc.name} is in ${vpc.region}, the cluster in ${region}`);
  return vpc.id;
}

function restorable(cloud: Cloud, engine: Engine, name: string): Cluster {
  if (engine !== "pg") throw unprocessable(`backups are not supported for ${engine} clusters`);
  const source = findClusterNamed(cloud, name);
  if (!source) throw notFound(`cluster ${name} not found`);
  if (source.engine !== engine) throw unprocessable(`cannot restore a ${source.engine} backup to a ${engine} cluster`);
  return source;
}

/** The Terraform provider sends zeros for what was not written. */
export const toAutoscale = ({ enabled, threshold_percent, increment_gib }: z.infer<typeof StorageAutoscaleAsk>): StorageAutoscale => ({
  enabled,
  ...(threshold_percent && { threshold_percent }),
  ...(increment_gib && { increment_gib }),
});

// ── As the API shows it ─────────────────────────────────────────────────────────────────────────────────────────────

const urnOf = ({ id }: Cluster): string => `do:dbaas:${id}`;

function viewCluster(cloud: Cloud, cluster: Cluster) {
  const { endOfLife, endOfAvailability } = ENGINES[cluster.engine].versions.find(({ version }) => version === cluster.version)!;
  return {
    id: cluster.id,
    name: cluster.name,
    engine: cluster.engine,
    version: cluster.version,
    num_nodes: cluster.num_nodes,
    size: cluster.size,
    region: cluster.region,
    status: statusOf(cloud, cluster),
    created_at: stamp(cluster.createdAt),
    private_network_uuid: cluster.private_network_uuid,
    project_id: projectOf(cloud, urnOf(cluster)),
    tags: cluster.tags,
    storage_size_mib: cluster.storage_size_mib,
    ...viewConnections(cluster),
    users: viewUsers(cluster),
    db_names: cluster.engine === "pg" ? cluster.databases : null,
    maintenance_window: cluster.maintenance,
    metrics_endpoints: [{ host: cluster.endpoint.host, port: 9273 }],
    ...(endOfLife && { version_end_of_life: endOfLife }),
    ...(endOfAvailability && { version_end_of_availability: endOfAvailability }),
    ...(cluster.autoscale && { storage_autoscale: cluster.autoscale }),
    ...(cluster.serviceCnames.length > 0 && { do_settings: { service_cnames: cluster.serviceCnames } }),
  };
}
