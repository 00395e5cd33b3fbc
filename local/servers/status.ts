import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { serversFolder } from "./context.ts";
import { readJson } from "./files.ts";
import { findRunningProcess, stopProcess } from "./process.ts";

/** Every kind of server, by the name of its folder in a cluster's, and how it is asked to end: Postgres without waiting for its clients. */
const KINDS = { pgbouncer: "SIGTERM", postgres: "SIGINT", valkey: "SIGTERM" } as const;

export interface ServerStatus {
  /** The id of the cluster it belongs to. */
  readonly cluster: string;
  readonly name: string;
  readonly kind: keyof typeof KINDS;
  /** Absent: it does not run. */
  readonly running?: { readonly pid: number; readonly port: number };
  readonly log: string;
}

export interface ClusterLabel {
  readonly name: string;
}

/** Every server that this state folder knows, running or not; asks only the operating system. */
export function listServerStatus(state: string): ServerStatus[] {
  const folder = serversFolder(state);
  const clusters = existsSync(folder)
    ? readdirSync(folder).filter((id) => /^[\w-]+$/.test(id) && existsSync(join(folder, id, "cluster.json")))
    : [];
  return clusters.flatMap((cluster) => {
    const { name } = readJson<ClusterLabel>(join(folder, cluster, "cluster.json"))!;
    const kinds = (Object.keys(KINDS) as (keyof typeof KINDS)[]).filter((kind) => existsSync(join(folder, cluster, kind)));
    return kinds.map((kind) => {
      const running = findRunningProcess(join(folder, cluster, kind));
      return { cluster, name, kind, log: join(folder, cluster, kind, "log"), ...(running && { running }) };
    });
  });
}

/** Ends every server of a state folder and nothing else. Their data stays. Returns those that ran. */
export async function stopServers(state: string): Promise<ServerStatus[]> {
  const running = listServerStatus(state).filter((server) => server.running);
  await Promise.all(running.map(({ cluster, kind }) => stopProcess(join(serversFolder(state), cluster, kind), KINDS[kind])));
  return running;
}
