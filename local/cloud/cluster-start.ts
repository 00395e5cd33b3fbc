import type { Cloud } from "./cloud.ts";
import { allClusters, backed, type Cluster, patchCluster } from "./cluster.ts";

/** Starts the server in the background; the cluster is online once that is done and the wait is over. */
export function bringUp(cloud: Cloud, id: string, wait: number): void {
  cloud.background(`starting cluster ${id}`, () => cloud.exclusively(id, () => start(cloud, id, wait)));
}

/** After a restart: every server that ran runs again, and what was being done is done. */
export async function resumeClusters(cloud: Cloud): Promise<void> {
  // Those that follow or copy another one come after it.
  for (const cluster of allClusters(cloud).sort((one, other) => one.createdAt - other.createdAt)) {
    await cloud
      .exclusively(cluster.id, () => start(cloud, cluster.id, 0))
      .catch((error: unknown) => {
        cloud.note(`cluster ${cluster.name} does not start: ${(error as Error).message}`);
      });
  }
}

async function start(cloud: Cloud, id: string, wait: number): Promise<void> {
  const cluster = allClusters(cloud).find((other) => other.id === id);
  if (!cluster) return;
  const endpoint = await cloud.backing.startCluster(backed(cluster));
  const patch = {
    ...(differs(endpoint, cluster.endpoint) && { endpoint }),
    ...(cluster.work?.until === null && { work: done(cloud, cluster.work, wait) }),
  };
  if (Object.keys(patch).length > 0) patchCluster(cloud, id, patch);
}

const done = (cloud: Cloud, work: NonNullable<Cluster["work"]>, wait: number) => ({
  ...work,
  until: Math.max(cloud.now(), work.since + wait),
});

const differs = (one: object, other: object): boolean => JSON.stringify(one) !== JSON.stringify(other);
