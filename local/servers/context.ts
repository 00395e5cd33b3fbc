import { join } from "node:path";
import { findNode } from "../../catalog/nodes.ts";
import type { BackedCluster } from "../cloud/backing.ts";
import type { Authority } from "./certificates.ts";
import { ServerError } from "./error.ts";
import type { Home } from "./home.ts";
import type { Ports } from "./ports/ports.ts";
import type { Report } from "./server.ts";

/** What all servers of one checkout share. */
export interface ServerContext {
  readonly home: Home;
  readonly authority: Authority;
  readonly ports: Ports;
  readonly fsync: boolean;
  readonly report: Report;
  /** The current definition of each cluster, by id. */
  readonly clusters: Map<string, BackedCluster>;
}

/** Ids become folder names, so a path in one is refused. */
export function clusterFolder({ home }: ServerContext, id: string): string {
  if (!/^[\w-]+$/.test(id)) throw new ServerError(`"${id}" is not a valid cluster id: use letters, digits, dashes and underscores.`);
  return join(serversFolder(home.state), id);
}

export const serversFolder = (state: string): string => join(state, "servers");

export const authorityFolder = (state: string): string => join(serversFolder(state), "authority");

export function findCluster({ clusters }: ServerContext, id: string): BackedCluster {
  const cluster = clusters.get(id);
  if (!cluster) throw new ServerError(`Cluster ${id} does not exist on this machine.`);
  return cluster;
}

/** A size that the catalog does not have counts as 1 GiB. */
export const memoryGiBOf = ({ size }: BackedCluster): number => findNode(size)?.memoryGiB ?? 1;
