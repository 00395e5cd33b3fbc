/** The clusters of a system: whether they are online, and whether a state store keeps its keys over a restart. */
import type { System } from "../../systems/definition.ts";
import type { ApiClient } from "../recover/api.ts";
import type { Check } from "./check.ts";

export interface FoundClusters {
  /** undefined where the account has no database of this system. */
  readonly database: string | undefined;
  /** By the store's name. */
  readonly stores: ReadonlyMap<string, string>;
}

export async function checkClusters(api: ApiClient, system: System, { database, stores }: FoundClusters): Promise<readonly Check[]> {
  const about = { kind: "clusters", subject: `${system.name}/postgres` } as const;
  const missing: Check = {
    ...about,
    outcome: "failed",
    evidence: "the account has no such database",
    next: { text: "Deploy it.", command: "pulumi up" },
  };
  const absent = Object.entries(system.stores)
    .filter(([name, { feature }]) => feature === undefined && !stores.has(name))
    .map(
      ([name]): Check => ({
        ...missing,
        subject: `${system.name}/${name}`,
        evidence: "no app of the account is connected to such a store",
      }),
    );
  return [
    database === undefined ? missing : await checkCluster(api, { subject: about.subject, id: database, keepsKeys: false }),
    ...(await Promise.all(
      [...stores].map(([name, id]) =>
        checkCluster(api, { subject: `${system.name}/${name}`, id, keepsKeys: system.stores[name]?.class === "state" }),
      ),
    )),
    ...absent,
  ];
}

interface ClusterSubject {
  readonly subject: string;
  readonly id: string;
  readonly keepsKeys: boolean;
}

async function checkCluster(api: ApiClient, { subject, id, keepsKeys }: ClusterSubject): Promise<Check> {
  const about = { kind: "clusters", subject } as const;
  const { database } = ((await api.get(`/v2/databases/${id}`)) ?? {}) as {
    database?: { name: string; status: string; version: string; num_nodes: number; size: string; engine: string };
  };
  if (database === undefined)
    return {
      ...about,
      outcome: "failed",
      evidence: `cluster ${id} does not exist`,
      next: { text: "Compare the account with the state.", command: "slipway drift" },
    };
  const { name, status, version, num_nodes, size, engine } = database;
  const described = `${name}: ${engine} ${version}, ${num_nodes} ${num_nodes === 1 ? "node" : "nodes"} of ${size}, ${status}`;
  if (status !== "online")
    return {
      ...about,
      outcome: "failed",
      evidence: described,
      next: { text: "Wait until the cluster is online, and verify again.", command: "doctl databases list" },
    };
  if (!keepsKeys) return { ...about, outcome: "passed", evidence: described };
  const { config = {} } = ((await api.get(`/v2/databases/${id}/config`)) ?? {}) as { config?: Record<string, unknown> };
  const persistence = config.valkey_persistence ?? config.redis_persistence;
  return persistence === "off"
    ? {
        ...about,
        outcome: "failed",
        evidence: `${described}; snapshots are off, so a restart loses every key`,
        next: { text: "Deploy what the program declares.", command: "pulumi up" },
      }
    : { ...about, outcome: "passed", evidence: `${described}; snapshots ${persistence ?? "rdb"}` };
}
