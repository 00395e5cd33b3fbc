/** The clusters of the account, and the choice of the one that is forked. Replies of the API contain passwords; none is kept. */
import { NAMES } from "../../catalog/limits.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { ApiClient, Json } from "../recover/api.ts";

export interface Cluster {
  readonly id: string;
  readonly name: string;
  readonly engine: string;
  readonly version: string;
  readonly region: string;
  readonly size: string;
  readonly nodes: number;
  readonly storageMib: number;
  readonly network: string;
  readonly project: string;
  readonly status: string;
  readonly createdAt: string;
  readonly databases: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

export async function listClusters(api: ApiClient): Promise<readonly Cluster[]> {
  return (await api.list("/v2/databases", "databases")).map(toCluster);
}

export async function readCluster(api: ApiClient, id: string): Promise<Cluster | undefined> {
  const reply = await api.get(`/v2/databases/${id}`);
  return reply === undefined ? undefined : toCluster((reply.database ?? {}) as Json);
}

export function toCluster(reply: Json): Cluster {
  const connection = (reply.connection ?? {}) as Json;
  return {
    id: text(reply.id),
    name: text(reply.name),
    engine: text(reply.engine),
    version: text(reply.version),
    region: text(reply.region),
    size: text(reply.size),
    nodes: number(reply.num_nodes),
    storageMib: number(reply.storage_size_mib),
    network: text(reply.private_network_uuid),
    project: text(reply.project_id),
    status: text(reply.status),
    createdAt: text(reply.created_at),
    databases: Array.isArray(reply.db_names) ? reply.db_names.map(String) : [],
    host: text(connection.host),
    port: number(connection.port),
    user: text(connection.user),
  };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (typeof value === "number" ? value : 0);

/** @param wanted an id or a name. @throws {Failure} unless exactly one cluster of Postgres has it, and is online */
export function findSource(clusters: readonly Cluster[], wanted: string): Cluster {
  const matching = clusters.filter(({ id, name }) => id === wanted || name === wanted);
  const [source, other] = matching;
  if (source === undefined) {
    const names = clusters.filter(({ engine }) => engine === "pg").map(({ name }) => name);
    const known = names.length === 0 ? "The account has no Postgres cluster" : `Its Postgres clusters: ${names.sort().join(", ")}`;
    throw new Failure("no-cluster", 2, `The account of this token has no cluster ${wanted}. ${known}. Name one: --cluster <id or name>`);
  }
  if (other !== undefined)
    throw new Failure(
      "several-clusters",
      2,
      `Several clusters are called ${wanted}: ${matching.map(({ id, status }) => `${id} (${status})`).join(", ")}. Name one by its id: --cluster ${source.id}`,
    );
  if (source.engine !== "pg")
    throw new Failure(
      "engine",
      2,
      `${source.name} runs ${source.engine}, and DigitalOcean forks no such cluster to a point in time. To restore a store from slipway's backups: slipway backup restore --part valkey-<store>`,
    );
  if (source.status !== "online")
    throw new Failure(
      "not-online",
      1,
      `Cluster ${source.name} is ${source.status}, not online. Wait until it is, and run this again: doctl databases get ${source.id}`,
    );
  return source;
}

/** @throws {Failure} for a name that no cluster can have */
export function checkName(name: string): void {
  const { pattern, description } = NAMES.cluster;
  if (!pattern.test(name)) throw new Failure("name", 2, `--fork-name: "${name}" cannot be the name of a cluster. Allowed: ${description}`);
}

/** "shop-postgres-20261201t103000z", and a shorter beginning where that is too long. */
export function defaultForkName(source: string, time: string): string {
  const suffix = time.replace(/[-:]/g, "").toLowerCase();
  const longest = 63 - suffix.length - 1;
  return `${source.slice(0, longest).replace(/-+$/, "")}-${suffix}`;
}
