import type { Cloud } from "../core/cloud.ts";
import { allClusters, type Cluster, patchCluster, toBackedCluster } from "./cluster.ts";

/** Starts the server in the background. The cluster is online when the server is ready and `wait` has elapsed. */
export function startInBackground(cloud: Cloud, id: string, wait: number): void {
  cloud.background(`starting cluster ${id}`, () => cloud.withLock(id, () => start(cloud, id, wait)));
}

/**
 * After a restart: starts all servers concurrently and completes unfinished operations. Each cluster stays locked until its server runs, and a
 * replica starts after its primary.
 */
export async function resumeClusters(cloud: Cloud): Promise<void> {
  const resumed = new Map<string, Promise<void>>();
  for (const { id, name, replicaOf } of allClusters(cloud)) {
    const resume = async () => {
      await resumed.get(replicaOf ?? "");
      await start(cloud, id, 0);
    };
    const started = cloud.withLock(id, resume).catch((error: unknown) => {
      cloud.note(`cluster ${name} does not start: ${(error as Error).message}`);
    });
    resumed.set(id, started);
  }
  await Promise.all(resumed.values());
}

async function start(cloud: Cloud, id: string, wait: number): Promise<void> {
  const cluster = allClusters(cloud).find((other) => other.id === id);
  if (!cluster) return;
  const endpoint = await cloud.backing.startCluster(toBackedCluster(cluster));
  const patch = {
    ...(differs(endpoint, cluster.endpoint) && { endpoint }),
    ...(cluster.work?.until === null && { work: finished(cloud, cluster.work, wait) }),
  };
  if (Object.keys(patch).length > 0) patchCluster(cloud, id, patch);
}

const finished = (cloud: Cloud, work: NonNullable<Cluster["work"]>, wait: number) => ({
  ...work,
  until: Math.max(cloud.now(), work.since + wait),
});

const differs = (one: object, other: object): boolean => JSON.stringify(one) !== JSON.stringify(other);
