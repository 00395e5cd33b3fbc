import { join } from "node:path";
import { findNode } from "../../catalog/nodes.ts";
import type { BackedCluster } from "../cloud/backing.ts";
import type { Authority } from "./certificates.ts";
import { ServerError } from "./error.ts";
import type { Home } from "./home.ts";
import type { Ports } from "./ports/ports.ts";
import type { Report } from "./server.ts";

/** What every cluster of one checkout shares. */
export interface ServerContext {
  readonly home: Home;
  readonly authority: Authority;
  readonly ports: Ports;
  readonly fsync: boolean;
  readonly report: Report;
  /** What was last asked of each cluster; changed with every change. */
  readonly clusters: Map<string, BackedCluster>;
}

/** Ids become folder names, so they may not lead anywhere else. */
export function clusterFolder({ home }: ServerContext, id: string): string {
  if (!/^[\w-]+$/.test(id)) throw new ServerError(`"${id}" is no cluster id: letters, digits, dashes and underscores only.`);
  return join(serversFolder(home.state), id);
}

export const serversFolder = (state: string): string => join(state, "servers");

export const authorityFolder = (state: string): string => join(serversFolder(state), "authority");

export function findCluster({ clusters: described }: ServerContext, id: string): BackedCluster {
  const cluster = described.get(id);
  if (!cluster) throw new ServerError(`Cluster ${id} is not among the local servers.`);
  return cluster;
}

/** Unknown sizes are small ones. */
export const memoryGiBOf = ({ size }: BackedCluster): number => findNode(size)?.memoryGiB ?? 1;
