import { z } from "zod";
import { MOST_NODES } from "../../../catalog/limits.ts";
import { assignToProject, projectOf, requireProject } from "../account/projects.ts";
import { ensureTags, TagNames } from "../account/tags.ts";
import { notFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { formatTimestamp } from "../core/time.ts";
import { defaultVpc, findVpc } from "../network/vpcs.ts";
import {
  allClusters,
  type Cluster,
  clusterDefaults,
  deleteClusterRecord,
  findCluster,
  findClusterNamed,
  placeCluster,
  putCluster,
  type StorageAutoscale,
  statusOf,
  viewUsers,
} from "./cluster.ts";
import { availableVersions } from "./cluster-info.ts";
import { startInBackground } from "./cluster-start.ts";
import { viewConnections } from "./connections.ts";
import { baseStorageMib, ENGINES, type Engine, sizesFor } from "./engines.ts";
import { FirewallRulesRequest, toRules } from "./firewall.ts";

export const StorageAutoscaleRequest = z.object({
  enabled: z.boolean(),
  threshold_percent: z.number().int().optional(),
  increment_gib: z.number().int().optional(),
});

export const CreateClusterRequest = z.object({
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
  storage_autoscale: StorageAutoscaleRequest.optional(),
  rules: FirewallRulesRequest.shape.rules.optional(),
  backup_restore: z.object({ database_name: z.string(), backup_created_at: z.string().optional() }).optional(),
});

// ── Create, read, delete ────────────────────────────────────────────────────────────────────────────────────────────

export function listClusters(cloud: Cloud, tag?: string) {
  return allClusters(cloud)
    .filter((cluster) => !cluster.replicaOf && (!tag || cluster.tags.includes(tag)))
    .map((cluster) => viewCluster(cloud, cluster));
}

export const readCluster = (cloud: Cloud, id: string) => viewCluster(cloud, findCluster(cloud, id));

export async function createCluster(cloud: Cloud, request: z.infer<typeof CreateClusterRequest>) {
  // One lock for the account: names are unique in it, and placing a cluster is asynchronous.
  return await cloud.withLock("new cluster", async () => {
    const { engine, version } = checkEngine(cloud, request);
    checkName(cloud, request.name);
    checkPlan(engine, request);
    if (request.project_id) requireProject(cloud, request.project_id);
    const source = request.backup_restore ? findBackupSource(cloud, engine, request.backup_restore.database_name) : undefined;
    const rules = toRules(cloud, request.rules ?? []);
    const network = request.private_network_uuid
      ? vpcIn(cloud, request.private_network_uuid, request.region)
      : defaultVpc(cloud, request.region).id;

    const cluster = await placeCluster(cloud, {
      ...clusterDefaults(cloud, engine),
      name: request.name,
      version,
      region: request.region,
      size: request.size,
      num_nodes: request.num_nodes,
      storage_size_mib: request.storage_size_mib || baseStorageMib(engine, request.size),
      private_network_uuid: network,
      tags: request.tags ?? [],
      rules,
      work: { what: source ? "forking" : "creating", since: cloud.now(), until: null },
      ...(source && { forkOf: source.id, databases: source.databases, users: source.users }),
      ...(request.storage_autoscale && { autoscale: toAutoscale(request.storage_autoscale) }),
    });
    ensureTags(cloud, cluster.tags);
    putCluster(cloud, cluster);
    assignToProject(cloud, urnOf(cluster), request.project_id);
    startInBackground(cloud, cluster.id, cloud.durations.createCluster);
    return viewCluster(cloud, cluster);
  });
}

export async function deleteCluster(cloud: Cloud, id: string): Promise<void> {
  findCluster(cloud, id);
  await cloud.withLock(id, async () => {
    findCluster(cloud, id);
    for (const replica of allClusters(cloud).filter((cluster) => cluster.replicaOf === id))
      await cloud.withLock(replica.id, () => removeCluster(cloud, replica.id));
    await removeCluster(cloud, id);
  });
}

export async function removeCluster(cloud: Cloud, id: string): Promise<void> {
  await cloud.backing.removeCluster(id);
  deleteClusterRecord(cloud, id);
}

// ── Checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function checkEngine(cloud: Cloud, request: z.infer<typeof CreateClusterRequest>): { engine: Engine; version: string } {
  if (request.engine === "redis") throw unprocessable("redis is no longer available for new clusters (since 2025-04-30), use valkey");
  if (!Object.hasOwn(ENGINES, request.engine))
    throw unprocessable(`invalid engine "${request.engine}": this cloud runs ${Object.keys(ENGINES).join(" and ")}`);
  const engine = request.engine as Engine;
  const version = request.version || (availableVersions(cloud, engine).at(-1) ?? "");
  checkVersion(cloud, engine, version);
  return { engine, version };
}

export function checkVersion(cloud: Cloud, engine: Engine, version: string): void {
  const versions = availableVersions(cloud, engine);
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
  const included = baseStorageMib(engine, size);
  if (storage_size_mib && storage_size_mib < included) throw unprocessable(`invalid storage_size_mib: ${size} comes with ${included}`);
}

export function vpcIn(cloud: Cloud, id: string, region: string): string {
  const vpc = findVpc(cloud, id);
  if (vpc.region !== region)
    throw unprocessable(`invalid private_network_uuid: VPC ${vpc.name} is in ${vpc.region}, the cluster in ${region}`);
  return vpc.id;
}

function findBackupSource(cloud: Cloud, engine: Engine, name: string): Cluster {
  if (engine !== "pg") throw unprocessable(`backups are not supported for ${engine} clusters`);
  const source = findClusterNamed(cloud, name);
  if (!source) throw notFound(`cluster ${name} not found`);
  if (source.engine !== engine) throw unprocessable(`cannot restore a ${source.engine} backup to a ${engine} cluster`);
  return source;
}

/** The Terraform provider sends 0 for unset fields. */
export const toAutoscale = ({ enabled, threshold_percent, increment_gib }: z.infer<typeof StorageAutoscaleRequest>): StorageAutoscale => ({
  enabled,
  ...(threshold_percent && { threshold_percent }),
  ...(increment_gib && { increment_gib }),
});

// ── API view ─────────────────────────────────────────────────────────────────────────────────────────────

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
    created_at: formatTimestamp(cluster.createdAt),
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
