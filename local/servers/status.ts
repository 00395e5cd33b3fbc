import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { serversFolder } from "./context.ts";
import { readJson } from "./files.ts";
import { findRunningProcess, stopProcess } from "./process.ts";

/** The signal that stops each kind of server; a kind is also the name of its folder. SIGINT makes Postgres stop without waiting for its clients. */
const STOP_SIGNALS = { pgbouncer: "SIGTERM", postgres: "SIGINT", valkey: "SIGTERM" } as const;

export interface ServerStatus {
  /** The id of the cluster it belongs to. */
  readonly cluster: string;
  readonly name: string;
  readonly kind: keyof typeof STOP_SIGNALS;
  /** Absent if it does not run. */
  readonly running?: { readonly pid: number; readonly port: number };
  readonly log: string;
}

export interface ClusterLabel {
  readonly name: string;
}

/** All servers of a state folder, running or not. Opens no connection to them. */
export function listServerStatus(state: string): ServerStatus[] {
  const folder = serversFolder(state);
  const clusters = existsSync(folder)
    ? readdirSync(folder).filter((id) => /^[\w-]+$/.test(id) && existsSync(join(folder, id, "cluster.json")))
    : [];
  return clusters.flatMap((cluster) => {
    const { name } = readJson<ClusterLabel>(join(folder, cluster, "cluster.json"))!;
    const kinds = (Object.keys(STOP_SIGNALS) as ServerStatus["kind"][]).filter((kind) => existsSync(join(folder, cluster, kind)));
    return kinds.map((kind) => {
      const running = findRunningProcess(join(folder, cluster, kind));
      return { cluster, name, kind, log: join(folder, cluster, kind, "log"), ...(running && { running }) };
    });
  });
}

/** Stops all servers of a state folder and keeps their data. @returns the servers that were running */
export async function stopServers(state: string): Promise<ServerStatus[]> {
  const running = listServerStatus(state).filter((server) => server.running);
  await Promise.all(running.map(({ cluster, kind }) => stopProcess(join(serversFolder(state), cluster, kind), STOP_SIGNALS[kind])));
  return running;
}
