/** Database clusters: creates, resizes, moves and upgrades them, and waits until they are online. */
import type { ResourceType } from "../../engine/cloud-provider.ts";
import { findCluster, findClusterNamed, statusOf } from "../cloud/databases/cluster.ts";
import {
  MaintenanceWindowRequest,
  migrateCluster,
  ResizeClusterRequest,
  resizeCluster,
  setAutoscale,
  setMaintenance,
  upgradeCluster,
} from "../cloud/databases/cluster-changes.ts";
import { CreateClusterRequest, createCluster, deleteCluster, readCluster, StorageAutoscaleRequest } from "../cloud/databases/clusters.ts";
import { EvictionPolicyRequest, setEvictionPolicy } from "../cloud/databases/configs.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { ifExists, text, toSnakeCase, validate, withoutUnset } from "./mapping.ts";

type Inputs = Readonly<Record<string, unknown>>;

/** @param reasonOf Returns the last error of a cluster that did not start. */
export function databaseCluster(cloud: Cloud, reasonOf: (id: string) => string): ResourceType {
  return {
    replaces: ["engine", "name", "privateNetworkUuid", "projectId"],
    deleteFirst: true,
    async create(inputs) {
      const { id } = await createCluster(cloud, validate(CreateClusterRequest, toCreateRequest(inputs)));
      await applyChanges(id, {}, inputs);
      return { id, outputs: outputsOf(id) };
    },
    async update(id, { inputs: olds }, news) {
      await waitUntilOnline(id);
      await applyChanges(id, olds, news);
      return outputsOf(id);
    },
    delete: async (id) => ifExists(() => deleteCluster(cloud, id)),
    read: (id) =>
      ifExists(async () => {
        await waitUntilOnline(id);
        return outputsOf(id);
      }),
    async find({ name }) {
      const id = findClusterNamed(cloud, String(name))?.id;
      if (id === undefined) return undefined;
      await waitUntilOnline(id);
      return { id, outputs: outputsOf(id) };
    },
  };

  function outputsOf(id: string) {
    const cluster = readCluster(cloud, id);
    const { connection, private_connection: privateConnection } = cluster;
    const { host, port, user, password, uri, database } = connection;
    return {
      clusterUrn: `do:dbaas:${id}`,
      ...{ host, port, user, password, uri, database },
      ...{ privateHost: privateConnection.host, privateUri: privateConnection.uri },
      storageSizeMib: String(cluster.storage_size_mib),
      tags: cluster.tags,
      metricsEndpoints: cluster.metrics_endpoints.map(({ host, port }) => `${host}:${port}`),
    };
  }

  /** Applies each changed setting that has its own API call, one after the other. */
  async function applyChanges(id: string, olds: Inputs, news: Inputs): Promise<void> {
    await waitUntilOnline(id);
    const differs = (...keys: string[]) => keys.some((key) => JSON.stringify(olds[key]) !== JSON.stringify(news[key]));
    const current = findCluster(cloud, id);
    if (text(news.region) !== current.region) await migrateCluster(cloud, id, { region: text(news.region) });
    const storage = news.storageSizeMib === undefined ? undefined : Number(news.storageSizeMib);
    const storageGrows = storage !== undefined && storage !== current.storage_size_mib;
    if (news.size !== current.size || news.nodeCount !== current.num_nodes || storageGrows)
      await resizeCluster(
        cloud,
        id,
        validate(ResizeClusterRequest, withoutUnset({ size: news.size, num_nodes: news.nodeCount, storage_size_mib: storage })),
      );
    if (news.version !== undefined && news.version !== current.version) await upgradeCluster(cloud, id, { version: text(news.version) });
    const [window] = (news.maintenanceWindows ?? []) as { day: string; hour: string }[];
    if (window && differs("maintenanceWindows")) setMaintenance(cloud, id, validate(MaintenanceWindowRequest, window));
    if (differs("evictionPolicy"))
      await setEvictionPolicy(cloud, id, validate(EvictionPolicyRequest, { eviction_policy: news.evictionPolicy ?? "noeviction" }));
    if (news.storageAutoscale !== undefined && differs("storageAutoscale"))
      setAutoscale(cloud, id, validate(StorageAutoscaleRequest, toSnakeCase(news.storageAutoscale)));
    await waitUntilOnline(id);
  }

  /** The server starts under the cluster's lock, so acquiring the lock waits for the start. */
  async function waitUntilOnline(id: string): Promise<void> {
    await cloud.withLock(id, async () => {});
    while (isWaiting(id)) await new Promise((resolve) => setTimeout(resolve, 20));
    if (statusOf(cloud, findCluster(cloud, id)) !== "online") throw new Error(`its server does not start. ${reasonOf(id)}`.trim());
  }

  function isWaiting(id: string): boolean {
    const { work } = findCluster(cloud, id);
    return work !== undefined && work.until !== null && cloud.now() < work.until;
  }
}

function toCreateRequest(inputs: Inputs): Record<string, unknown> {
  const { nodeCount, storageSizeMib, backupRestore, name, engine, version, size, region, tags, privateNetworkUuid, projectId } = inputs;
  return withoutUnset({
    ...{ name, engine, version, size, region, tags },
    num_nodes: nodeCount,
    private_network_uuid: privateNetworkUuid,
    project_id: projectId,
    storage_size_mib: storageSizeMib === undefined ? undefined : Number(storageSizeMib),
    backup_restore: toSnakeCase(backupRestore),
  });
}
