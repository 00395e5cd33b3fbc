import { z } from "zod";
import { assignToProject } from "../account/projects.ts";
import { ensureTags, TagNames } from "../account/tags.ts";
import { orNotFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { formatTimestamp } from "../core/time.ts";
import { defaultVpc } from "../network/vpcs.ts";
import {
  allClusters,
  type Cluster,
  changeOnline,
  clusterDefaults,
  findCluster,
  placeCluster,
  putCluster,
  requireOnline,
  requirePostgres,
  statusOf,
  toBackedCluster,
} from "./cluster.ts";
import { withEvent } from "./cluster-changes.ts";
import { startInBackground } from "./cluster-start.ts";
import { checkPlan, removeCluster, vpcIn } from "./clusters.ts";
import { viewConnections } from "./connections.ts";
import { baseStorageMib, memoryGib } from "./engines.ts";

export const CreateReplicaRequest = z.object({
  name: z.string().regex(/^[a-z][a-z0-9-]{1,61}[a-z0-9]$/, "must be 3 to 63 lower-case letters, digits and dashes"),
  region: z.string().optional(),
  size: z.string().optional(),
  private_network_uuid: z.string().optional(),
  tags: TagNames,
  storage_size_mib: z.number().int().optional(),
});

export const listReplicas = (cloud: Cloud, id: string) => replicasOf(cloud, findCluster(cloud, id)).map((replica) => view(cloud, replica));

export const readReplica = (cloud: Cloud, id: string, name: string) => view(cloud, findReplica(cloud, id, name));

export async function createReplica(cloud: Cloud, id: string, request: z.infer<typeof CreateReplicaRequest>) {
  requirePostgres(findCluster(cloud, id), "read-only replicas");
  return await cloud.withLock(id, async () => {
    const primary = findCluster(cloud, id);
    requireOnline(cloud, primary);
    if (replicasOf(cloud, primary).some((replica) => replica.name === request.name)) throw unprocessable("replica name is not available");
    const { region = primary.region, size = primary.size } = withoutBlanks(request);
    checkPlan(primary.engine, { region, size, num_nodes: 1, storage_size_mib: request.storage_size_mib });
    if (memoryGib(size) < memoryGib(primary.size))
      throw unprocessable(`a replica must be at least as large as its primary (${primary.size})`);
    const network = region === primary.region ? primary.private_network_uuid : defaultVpc(cloud, region).id;
    const replica = await placeCluster(cloud, {
      ...clusterDefaults(cloud, primary.engine),
      admin: primary.admin,
      databases: [],
      name: request.name,
      version: primary.version,
      region,
      size,
      num_nodes: 1,
      storage_size_mib: request.storage_size_mib || Math.max(primary.storage_size_mib, baseStorageMib(primary.engine, size)),
      private_network_uuid: request.private_network_uuid ? vpcIn(cloud, request.private_network_uuid, region) : network,
      tags: request.tags ?? [],
      replicaOf: id,
      work: { what: "creating", since: cloud.now(), until: null },
    });
    ensureTags(cloud, replica.tags);
    putCluster(cloud, replica);
    startInBackground(cloud, replica.id, cloud.durations.createCluster);
    return view(cloud, replica);
  });
}

export async function deleteReplica(cloud: Cloud, id: string, name: string): Promise<void> {
  const replica = findReplica(cloud, id, name);
  await cloud.withLock(replica.id, () => removeCluster(cloud, replica.id));
}

/** Turns the replica into a cluster with its primary's administrator, users and databases. */
export async function promoteReplica(cloud: Cloud, id: string, name: string): Promise<void> {
  const primary = findCluster(cloud, id);
  const { id: replicaId } = findReplica(cloud, id, name);
  await changeOnline(cloud, replicaId, async ({ replicaOf: _, ...replica }) => {
    const own = { ...replica, admin: primary.admin, users: primary.users, databases: primary.databases };
    return {
      ...own,
      endpoint: await cloud.backing.startCluster(toBackedCluster(own)),
      events: withEvent(cloud, own, "cluster_master_promotion"),
    };
  });
  const { replicaOf: _, ...promoted } = findCluster(cloud, replicaId);
  putCluster(cloud, promoted);
  assignToProject(cloud, `do:dbaas:${replicaId}`);
}

const replicasOf = (cloud: Cloud, primary: Cluster) => allClusters(cloud).filter((cluster) => cluster.replicaOf === primary.id);

function findReplica(cloud: Cloud, id: string, name: string): Cluster {
  const replica = replicasOf(cloud, findCluster(cloud, id)).find((replica) => replica.name === name);
  return orNotFound(replica, "replica not found");
}

/** The Terraform provider sends "" for unset fields. */
const withoutBlanks = ({ region, size }: z.infer<typeof CreateReplicaRequest>) => ({ ...(region && { region }), ...(size && { size }) });

function view(cloud: Cloud, replica: Cluster) {
  const primary = findCluster(cloud, replica.replicaOf!);
  return {
    id: replica.id,
    name: replica.name,
    status: statusOf(cloud, replica),
    region: replica.region,
    size: replica.size,
    tags: replica.tags,
    storage_size_mib: replica.storage_size_mib,
    private_network_uuid: replica.private_network_uuid,
    created_at: formatTimestamp(replica.createdAt),
    ...viewConnections({ ...replica, admin: primary.admin }),
  };
}
