/**
 * What the account holds of the types that a stack declares. Replies of the API contain passwords: what is kept of them is listed here field by
 * field, and none of it is a credential.
 */
import type { ApiClient, Json } from "./api.ts";
import { type AccountObject, componentsOf, rulesOf, TYPES, windowOf } from "./kinds.ts";

/** What to read: only the insides of clusters and checks that the stack declares or has in its state. */
export interface Wanted {
  readonly types: ReadonlySet<string>;
  isWanted(type: string, object: { readonly name: string; readonly identity: string }): boolean;
  /** Names of the declared buckets, with their regions. */
  readonly buckets: ReadonlyMap<string, string>;
}

export async function readAccount(api: ApiClient, wanted: Wanted): Promise<readonly AccountObject[]> {
  const readers: readonly [types: readonly string[], read: () => Promise<readonly AccountObject[]>][] = [
    [[TYPES.vpc], () => readVpcs(api)],
    [IN_CLUSTERS, () => readClusters(api, wanted)],
    [[TYPES.app], () => readApps(api)],
    [[TYPES.project, TYPES.projectResources, TYPES.bucket], () => readProjects(api, wanted)],
    [[TYPES.check, TYPES.checkAlert], () => readChecks(api, wanted)],
    [[TYPES.alert], () => readAlerts(api)],
    [[TYPES.spacesKey], () => readSpacesKeys(api)],
  ];
  const needed = readers.filter(([types]) => types.some((type) => wanted.types.has(type)));
  return (await Promise.all(needed.map(([, read]) => read()))).flat();
}

async function readVpcs(api: ApiClient): Promise<readonly AccountObject[]> {
  return (await api.list("/v2/vpcs", "vpcs")).map((vpc) => ({
    ...named(TYPES.vpc, vpc),
    properties: { name: vpc.name, region: vpc.region, ipRange: vpc.ip_range },
  }));
}

// ── Clusters ────────────────────────────────────────────────────────────────────────────────────────────────────────

const IN_CLUSTERS = [
  TYPES.cluster,
  TYPES.firewall,
  TYPES.postgresConfig,
  TYPES.valkeyConfig,
  TYPES.database,
  TYPES.user,
  TYPES.pool,
  TYPES.replica,
];

/** The engines with an eviction policy. */
const CACHES = ["valkey", "redis"];

async function readClusters(api: ApiClient, wanted: Wanted): Promise<readonly AccountObject[]> {
  const clusters = await api.list("/v2/databases", "databases");
  const found = clusters.map(async (cluster) => {
    const object = named(TYPES.cluster, cluster);
    const isDetailed = wanted.isWanted(TYPES.cluster, object);
    const evictionPolicy = isDetailed && CACHES.includes(text(cluster.engine)) ? await readEvictionPolicy(api, object.identity) : undefined;
    const whole = { ...object, status: text(cluster.status), properties: { ...clusterProperties(cluster), evictionPolicy } };
    return isDetailed ? [whole, ...(await readInside(api, object.identity, text(cluster.engine)))] : [whole];
  });
  return (await Promise.all(found)).flat();
}

function clusterProperties(cluster: Json): AccountObject["properties"] {
  return {
    name: cluster.name,
    engine: cluster.engine,
    version: cluster.version,
    region: cluster.region,
    size: cluster.size,
    nodeCount: cluster.num_nodes,
    privateNetworkUuid: cluster.private_network_uuid,
    storageSizeMib: cluster.storage_size_mib,
    maintenance: windowOf(cluster.maintenance_window),
  };
}

async function readEvictionPolicy(api: ApiClient, cluster: string): Promise<unknown> {
  return (await api.get(`/v2/databases/${cluster}/eviction_policy`))?.eviction_policy;
}

async function readInside(api: ApiClient, cluster: string, engine: string): Promise<readonly AccountObject[]> {
  const path = `/v2/databases/${cluster}`;
  const within = (type: string, item: Json, properties: AccountObject["properties"] = {}): AccountObject => {
    const name = text(item.name);
    return { type, identity: `${cluster},${name}`, importId: `${cluster},${name}`, name, owner: cluster, properties };
  };
  const isPostgres = engine === "pg";
  const list = isPostgres ? api.list : api.listIfSupported;
  const shared = [await readFirewall(api, cluster), settingOf(isPostgres ? TYPES.postgresConfig : TYPES.valkeyConfig, cluster)];
  const [databases, users, pools, replicas] = await Promise.all([
    list(`${path}/dbs`, "dbs"),
    list(`${path}/users`, "users"),
    isPostgres ? list(`${path}/pools`, "pools") : [],
    list(`${path}/replicas`, "replicas"),
  ]);
  const firewalls = await Promise.all(replicas.map((replica) => readFirewall(api, text(replica.id))));
  return [
    ...shared,
    ...databases.map((database) => within(TYPES.database, database)),
    ...users.map((user) => within(TYPES.user, user)),
    ...pools.map((pool) => within(TYPES.pool, pool, { dbName: pool.db, user: pool.user, size: pool.size, mode: pool.mode })),
    ...replicas.map((replica) => ({
      ...within(TYPES.replica, replica, { region: replica.region, size: replica.size, privateNetworkUuid: replica.private_network_uuid }),
      status: text(replica.status),
      // A replica is a cluster of its own, under this id.
      contains: text(replica.id),
    })),
    ...firewalls,
  ];
}

async function readFirewall(api: ApiClient, cluster: string): Promise<AccountObject> {
  const reply = await api.get(`/v2/databases/${cluster}/firewall`);
  return { ...settingOf(TYPES.firewall, cluster), properties: { rules: rulesOf(reply?.rules) ?? [] } };
}

/** What a cluster or a project has exactly one of. */
function settingOf(type: string, owner: string): AccountObject {
  return { type, identity: owner, importId: owner, name: "", owner, properties: {} };
}

// ── Apps, projects, monitoring, Spaces ──────────────────────────────────────────────────────────────────────────────

async function readApps(api: ApiClient): Promise<readonly AccountObject[]> {
  return (await api.list("/v2/apps", "apps")).map(({ id, spec }) => {
    const { name, region } = (spec ?? {}) as Json;
    return { ...named(TYPES.app, { id, name }), properties: { name, region, components: componentsOf(spec) } };
  });
}

/**
 * Projects, and the buckets in them: the API lists no buckets, but every bucket belongs to a project of its account. A bucket of another account
 * with the same name, which is global, is not in the list.
 */
async function readProjects(api: ApiClient, { buckets }: Wanted): Promise<readonly AccountObject[]> {
  const projects = await api.list("/v2/projects", "projects");
  const urns = buckets.size === 0 ? [] : await Promise.all(projects.map(({ id }) => readProjectUrns(api, text(id))));
  const spaces = urns.flat().flatMap((urn) => /^do:space:(.+)$/.exec(urn)?.[1] ?? []);
  return [
    ...projects.flatMap((project): AccountObject[] => [
      {
        ...named(TYPES.project, project),
        properties: {
          name: project.name,
          description: project.description,
          purpose: project.purpose,
          environment: project.environment,
        },
      },
      settingOf(TYPES.projectResources, text(project.id)),
    ]),
    ...[...new Set(spaces)].flatMap((name) => {
      const region = buckets.get(name);
      return region === undefined ? [] : [{ type: TYPES.bucket, identity: name, importId: `${region},${name}`, name, properties: {} }];
    }),
  ];
}

async function readProjectUrns(api: ApiClient, project: string): Promise<readonly string[]> {
  return (await api.list(`/v2/projects/${project}/resources`, "resources")).map(({ urn }) => text(urn));
}

async function readChecks(api: ApiClient, wanted: Wanted): Promise<readonly AccountObject[]> {
  const checks = await api.list("/v2/uptime/checks", "checks");
  const found = checks.map(async (check) => {
    const { name, target, type, enabled, regions } = check;
    const object = named(TYPES.check, check);
    const whole = { ...object, properties: { name, target, type, enabled, regions } };
    return wanted.isWanted(TYPES.check, object) ? [whole, ...(await readCheckAlerts(api, object.identity))] : [whole];
  });
  return (await Promise.all(found)).flat();
}

async function readCheckAlerts(api: ApiClient, check: string): Promise<readonly AccountObject[]> {
  return (await api.list(`/v2/uptime/checks/${check}/alerts`, "alerts")).map((alert) => {
    const { name, type, threshold, comparison, period } = alert;
    const object = named(TYPES.checkAlert, alert);
    return { ...object, importId: `${check},${object.identity}`, owner: check, properties: { name, type, threshold, comparison, period } };
  });
}

/** Their recipients are left out: the address of a Slack channel is a secret. */
async function readAlerts(api: ApiClient): Promise<readonly AccountObject[]> {
  return (await api.list("/v2/monitoring/alerts", "policies")).flatMap((policy) => {
    const { uuid, description, type, compare, value, window, enabled, entities } = policy;
    const owner = Array.isArray(entities) && entities.length === 1 ? text(entities[0]) : "";
    const object = named(TYPES.alert, { id: uuid, name: description });
    return [{ ...object, owner, properties: { description, type, compare, value, window, enabled, entities } }];
  });
}

async function readSpacesKeys(api: ApiClient): Promise<readonly AccountObject[]> {
  return (await api.list("/v2/spaces/keys", "keys")).map(({ access_key, name }) => ({
    ...named(TYPES.spacesKey, { id: access_key, name }),
    properties: {},
  }));
}

function named(type: string, { id, name }: Json): Pick<AccountObject, "type" | "identity" | "importId" | "name"> {
  return { type, identity: text(id), importId: text(id), name: text(name) };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
