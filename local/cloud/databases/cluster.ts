import { unassignFromProject } from "../account/projects.ts";
import type { BackedCluster, Endpoint } from "../backing.ts";
import { notReady, orNotFound, unprocessable } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId, newPassword } from "../core/ids.ts";
import type { Engine } from "./engines.ts";

/** A database cluster as stored. A read-only replica is stored as one too: it has its own server, firewall and size. */
export interface Cluster {
  readonly id: string;
  readonly name: string;
  readonly engine: Engine;
  readonly version: string;
  readonly region: string;
  readonly size: string;
  readonly num_nodes: number;
  readonly storage_size_mib: number;
  readonly private_network_uuid: string;
  readonly createdAt: number;
  readonly tags: readonly string[];
  readonly endpoint: Endpoint;
  /** The operation in progress and the time at which it ends; `until` is null until the server is ready. */
  readonly work?: { readonly what: Work; readonly since: number; readonly until: number | null };
  readonly admin: User;
  readonly users: readonly User[];
  readonly databases: readonly string[];
  readonly pools: readonly Pool[];
  readonly rules: readonly Rule[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly maintenance: Maintenance;
  readonly autoscale?: StorageAutoscale;
  readonly serviceCnames: readonly string[];
  readonly logsinks: readonly Logsink[];
  readonly migration?: OnlineMigration;
  readonly events: readonly ClusterEvent[];
  readonly forkOf?: string;
  readonly replicaOf?: string;
}

export type Work = "creating" | "resizing" | "migrating" | "forking" | "upgrading";

export interface User {
  readonly name: string;
  readonly password: string;
  readonly settings: { readonly pg_allow_replication?: boolean | undefined };
}

export interface Pool {
  readonly name: string;
  readonly mode: "session" | "transaction" | "statement";
  readonly size: number;
  readonly db: string;
  /** Empty: clients connect with their own name and password. */
  readonly user: string;
}

/** A trusted source of a cluster. Without any rule every address may connect, as at DigitalOcean. */
export interface Rule {
  readonly uuid: string;
  readonly type: string;
  readonly value: string;
  readonly description?: string | undefined;
  readonly createdAt: number;
}

export interface Maintenance {
  readonly day: string;
  readonly hour: string;
  readonly pending: boolean;
  readonly description: readonly string[];
}

export interface StorageAutoscale {
  readonly enabled: boolean;
  readonly threshold_percent?: number | undefined;
  readonly increment_gib?: number | undefined;
}

export interface Logsink {
  readonly sink_id: string;
  readonly sink_name: string;
  readonly sink_type: string;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface OnlineMigration {
  readonly id: string;
  readonly canceled: boolean;
  readonly createdAt: number;
}

export interface ClusterEvent {
  readonly id: string;
  readonly event_type: "cluster_create" | "cluster_update" | "cluster_maintenance_perform" | "cluster_master_promotion";
  readonly at: number;
}

const clusters = (cloud: Cloud) => cloud.store.collection<Cluster>("clusters");

export const allClusters = (cloud: Cloud): Cluster[] => clusters(cloud).all();

export const findCluster = (cloud: Cloud, id: string): Cluster => orNotFound(clusters(cloud).get(id), "cluster not found");

export const findClusterNamed = (cloud: Cloud, name: string): Cluster | undefined =>
  allClusters(cloud).find((cluster) => cluster.name === name && !cluster.replicaOf);

export const putCluster = (cloud: Cloud, cluster: Cluster): void => clusters(cloud).put(cluster.id, cluster);

export function deleteClusterRecord(cloud: Cloud, id: string): void {
  clusters(cloud).delete(id);
  unassignFromProject(cloud, `do:dbaas:${id}`);
}

export const patchCluster = (cloud: Cloud, id: string, patch: Partial<Cluster>): void =>
  putCluster(cloud, { ...findCluster(cloud, id), ...patch });

/** Changes the server first and then the record, one change at a time per cluster. */
export function changeOnline(cloud: Cloud, id: string, change: (cluster: Cluster) => Promise<Partial<Cluster>>): Promise<void> {
  requireOnline(cloud, findCluster(cloud, id));
  return cloud.withLock(id, async () => {
    const cluster = findCluster(cloud, id);
    requireOnline(cloud, cluster);
    const patch = await change(cluster);
    // If the change started a server, it may listen on another port because another process took the previous one.
    const endpoint = await cloud.backing.placeCluster(toBackedCluster({ ...cluster, ...patch }));
    patchCluster(cloud, id, { ...patch, endpoint });
  });
}

/** DigitalOcean has no status for a major upgrade: the cluster is reported as online and rejects changes. */
export function statusOf(cloud: Cloud, cluster: Cluster): Exclude<Work, "upgrading"> | "online" {
  const work = currentWork(cloud, cluster);
  return work === undefined || work === "upgrading" ? "online" : work;
}

export function requireOnline(cloud: Cloud, cluster: Cluster): void {
  const work = currentWork(cloud, cluster);
  if (work) throw notReady(`cluster ${cluster.name} is currently undergoing maintenance (${work}), please try again later`);
}

const currentWork = (cloud: Cloud, { work }: Cluster): Work | undefined =>
  work && (work.until === null || cloud.now() < work.until) ? work.what : undefined;

export function requirePostgres(cluster: Cluster, what: string): void {
  if (cluster.engine !== "pg") throw unprocessable(`${what} are not supported for ${cluster.engine} clusters`);
}

/** The initial fields of a cluster or replica. */
export function clusterDefaults(cloud: Cloud, engine: Engine) {
  const now = cloud.now();
  return {
    id: newId(),
    engine,
    createdAt: now,
    admin: { name: engine === "pg" ? "doadmin" : "default", password: newPassword(), settings: {} },
    users: [],
    databases: engine === "pg" ? ["defaultdb"] : [],
    pools: [],
    rules: [],
    config: {},
    maintenance: { day: "monday", hour: "03:00:00", pending: false, description: [] },
    serviceCnames: [],
    logsinks: [],
    events: [{ id: newId(), event_type: "cluster_create", at: now }],
  } as const;
}

export const placeCluster = async (cloud: Cloud, cluster: Omit<Cluster, "endpoint">): Promise<Cluster> => ({
  ...cluster,
  endpoint: await cloud.backing.placeCluster(toBackedCluster(cluster)),
});

export function toBackedCluster(cluster: Omit<Cluster, "endpoint">): BackedCluster {
  return {
    id: cluster.id,
    name: cluster.name,
    engine: cluster.engine,
    version: cluster.version,
    region: cluster.region,
    size: cluster.size,
    nodes: cluster.num_nodes,
    admin: toBackedUser(cluster.admin),
    databases: cluster.databases,
    users: cluster.users.map(toBackedUser),
    pools: cluster.pools.map((pool) => toBackedPool(cluster, pool)),
    rules: cluster.rules.map(({ type, value }) => ({ type, value })),
    config: cluster.config,
    ...(cluster.forkOf && { forkOf: cluster.forkOf }),
    ...(cluster.replicaOf && { replicaOf: cluster.replicaOf }),
  };
}

export const toBackedUser = ({ name, password, settings }: User) => ({
  name,
  password,
  replication: settings.pg_allow_replication === true,
});

export function toBackedPool(cluster: Pick<Cluster, "users" | "admin">, { name, mode, size, db, user }: Pool) {
  const owner = usersOf(cluster).find((other) => other.name === user);
  return { name, mode, size, database: db, ...(owner && { user: toBackedUser(owner) }) };
}

/** The administrator and the other users. */
export const usersOf = ({ admin, users }: Pick<Cluster, "admin" | "users">): User[] => [admin, ...users];

export const viewUsers = (cluster: Cluster) => usersOf(cluster).map((user) => viewUser(cluster, user));

/**
 * Settings appear only if a request set them. The API document says that they default to false, but the Terraform provider stores the fields of
 * the reply to a create in its state and would then plan to remove them.
 */
export const viewUser = (cluster: Cluster, { name, password, settings }: User) => ({
  name,
  role: name === cluster.admin.name ? "primary" : "normal",
  password,
  ...(settings.pg_allow_replication !== undefined && { settings: { pg_allow_replication: settings.pg_allow_replication } }),
});
