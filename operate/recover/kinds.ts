/**
 * The types of resources that are compared: how one is found in the account, what identifies it in the state, what is compared, and whether the
 * provider can import it. Checked against terraform-provider-digitalocean v2.99.1, which @pulumi/digitalocean 4.80 embeds.
 */
import type { StateResource } from "./state.ts";

export type Properties = Readonly<Record<string, unknown>>;

/** One object of the account, without any credential. */
export interface AccountObject {
  readonly type: string;
  /** What `identityOf` returns for the same object in the state. */
  readonly identity: string;
  /** The id that the provider's importer takes. */
  readonly importId: string;
  readonly name: string;
  /** The id of the cluster or the uptime check that contains it. */
  readonly owner?: string;
  /** By the provider's names, as `Kind.compared` lists them. */
  readonly properties: Properties;
  /** The id under which it contains others, where that is not its identity: a replica is a cluster of its own. */
  readonly contains?: string;
  /** "online", where the API reports one. */
  readonly status?: string;
}

export interface Kind {
  readonly type: string;
  /** The input with the name. Absent where the owner has exactly one. */
  readonly name?: string;
  /** The input with the id of the cluster or the uptime check that contains it. */
  readonly owner?: string;
  readonly identityOf: (resource: StateResource) => string;
  /**
   * import: `pulumi import` adds it to the state. up: it is a setting that `up` writes again without harm. never: it exists only once, like the
   * secret of a Spaces key, which DigitalOcean shows in the reply to its creation and never again.
   */
  readonly missing: "import" | "up" | "never";
  /** Several may have the same name, so an interrupted `up` does not fail: it creates a second one. The command deletes the one that is left over. */
  readonly deleteCommand?: (object: AccountObject) => string;
  readonly compared: readonly Compared[];
}

export interface Compared {
  readonly property: string;
  /** A change of it makes the provider replace the resource. */
  readonly replaces?: boolean;
  /** `up` changes it in place, but at such a cost that what differs in it is not imported: it moves a cluster to another region. */
  readonly isImportConflict?: boolean;
  /** Where the program declares it: "spec.region". @default the input of that name */
  readonly input?: string;
  /** @default the output of that name */
  readonly ofState?: (outputs: Properties) => unknown;
}

const id = ({ id }: StateResource): string => id;
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const clusterOf = ({ outputs }: StateResource): string => text(outputs.clusterId);
const inCluster = (resource: StateResource): string => `${clusterOf(resource)},${text(resource.outputs.name)}`;

const same = (...properties: readonly string[]): Compared[] => properties.map((property) => ({ property }));
const replacing = (...properties: readonly string[]): Compared[] => properties.map((property) => ({ property, replaces: true }));

export const TYPES = {
  vpc: "digitalocean:index/vpc:Vpc",
  cluster: "digitalocean:index/databaseCluster:DatabaseCluster",
  firewall: "digitalocean:index/databaseFirewall:DatabaseFirewall",
  postgresConfig: "digitalocean:index/databasePostgresqlConfig:DatabasePostgresqlConfig",
  valkeyConfig: "digitalocean:index/databaseValkeyConfig:DatabaseValkeyConfig",
  database: "digitalocean:index/databaseDb:DatabaseDb",
  user: "digitalocean:index/databaseUser:DatabaseUser",
  pool: "digitalocean:index/databaseConnectionPool:DatabaseConnectionPool",
  replica: "digitalocean:index/databaseReplica:DatabaseReplica",
  app: "digitalocean:index/app:App",
  project: "digitalocean:index/project:Project",
  projectResources: "digitalocean:index/projectResources:ProjectResources",
  check: "digitalocean:index/uptimeCheck:UptimeCheck",
  checkAlert: "digitalocean:index/uptimeAlert:UptimeAlert",
  alert: "digitalocean:index/monitorAlert:MonitorAlert",
  bucket: "digitalocean:index/spacesBucket:SpacesBucket",
  spacesKey: "digitalocean:index/spacesKey:SpacesKey",
} as const;

export const KINDS: readonly Kind[] = [
  { type: TYPES.vpc, name: "name", identityOf: id, missing: "import", compared: [...same("name"), ...replacing("region", "ipRange")] },
  {
    type: TYPES.cluster,
    name: "name",
    identityOf: id,
    missing: "import",
    compared: [
      ...replacing("name", "engine", "privateNetworkUuid"),
      { property: "region", isImportConflict: true },
      ...same("version", "size", "nodeCount", "evictionPolicy"),
      { property: "storageSizeMib", ofState: storageOf },
      { property: "maintenance", ofState: ({ maintenanceWindows }) => windowOf(first(maintenanceWindows)) },
    ],
  },
  {
    type: TYPES.firewall,
    owner: "clusterId",
    identityOf: clusterOf,
    missing: "import",
    compared: [{ property: "rules", ofState: ({ rules }) => rulesOf(rules) }],
  },
  { type: TYPES.postgresConfig, owner: "clusterId", identityOf: clusterOf, missing: "up", compared: [] },
  { type: TYPES.valkeyConfig, owner: "clusterId", identityOf: clusterOf, missing: "up", compared: [] },
  { type: TYPES.database, name: "name", owner: "clusterId", identityOf: inCluster, missing: "import", compared: [] },
  { type: TYPES.user, name: "name", owner: "clusterId", identityOf: inCluster, missing: "import", compared: [] },
  {
    type: TYPES.pool,
    name: "name",
    owner: "clusterId",
    identityOf: inCluster,
    missing: "import",
    // The provider replaces a pool for each of them, and no data is in it.
    compared: same("dbName", "user", "size", "mode"),
  },
  {
    type: TYPES.replica,
    name: "name",
    owner: "clusterId",
    identityOf: inCluster,
    missing: "import",
    compared: [...replacing("region", "privateNetworkUuid"), ...same("size")],
  },
  {
    type: TYPES.app,
    name: "spec.name",
    identityOf: id,
    missing: "import",
    compared: [
      { property: "name", replaces: true, input: "spec.name", ofState: ({ spec }) => (spec as Properties | undefined)?.name },
      { property: "region", replaces: true, input: "spec.region", ofState: ({ spec }) => (spec as Properties | undefined)?.region },
      { property: "components", ofState: ({ spec }) => componentsOf(spec) },
    ],
  },
  {
    type: TYPES.project,
    name: "name",
    identityOf: id,
    missing: "import",
    compared: same("name", "description", "purpose", "environment"),
  },
  { type: TYPES.projectResources, owner: "project", identityOf: id, missing: "up", compared: [] },
  {
    type: TYPES.check,
    name: "name",
    identityOf: id,
    missing: "import",
    compared: same("name", "target", "type", "enabled", "regions"),
    deleteCommand: ({ identity }) => `doctl monitoring uptime delete ${identity}`,
  },
  {
    type: TYPES.checkAlert,
    name: "name",
    owner: "checkId",
    identityOf: id,
    missing: "import",
    compared: same("name", "type", "threshold", "comparison", "period"),
    deleteCommand: ({ identity, owner }) => `doctl monitoring uptime alert delete ${owner} ${identity}`,
  },
  {
    type: TYPES.alert,
    name: "description",
    owner: "entities",
    identityOf: id,
    missing: "import",
    compared: same("description", "type", "compare", "value", "window", "enabled", "entities"),
    deleteCommand: ({ identity }) => `doctl monitoring alert delete ${identity}`,
  },
  { type: TYPES.bucket, name: "name", identityOf: id, missing: "import", compared: [] },
  {
    type: TYPES.spacesKey,
    name: "name",
    identityOf: id,
    missing: "never",
    compared: [],
    deleteCommand: ({ identity }) => `doctl spaces keys delete ${identity}`,
  },
];

export const kindOf = (type: string): Kind | undefined => KINDS.find((kind) => kind.type === type);

/** Whether the account has one list of them, in which another stack may have its own. */
export const isAccountWide = ({ owner }: Kind): boolean => owner === undefined;

// ── Values that the state and the API write differently ─────────────────────────────────────────────────────────────

/** Autoscaling grows the storage on its own. */
function storageOf({ storageSizeMib, storageAutoscale }: Properties): unknown {
  return Array.isArray(storageAutoscale) && storageAutoscale.length > 0 ? undefined : storageSizeMib;
}

/** "sunday 04:00" */
export function windowOf(window: unknown): string | undefined {
  const { day, hour } = (window ?? {}) as Properties;
  return typeof day === "string" && typeof hour === "string" ? `${day} ${hour.slice(0, 5)}` : undefined;
}

/** "ip_addr 10.20.0.0/20", sorted: the order of rules has no meaning. */
export function rulesOf(rules: unknown): string[] | undefined {
  if (!Array.isArray(rules)) return undefined;
  return rules.map(({ type, value }: Properties) => `${type} ${value}`).sort();
}

const COMPONENTS = { services: "service", workers: "worker", jobs: "job", staticSites: "static site", functions: "function" };

/** "service api, apps-s-1vcpu-1gb ×2", sorted. Variables are left out: DigitalOcean returns secret ones as ciphertext that changes with each deployment. */
export function componentsOf(spec: unknown): string[] | undefined {
  if (typeof spec !== "object" || spec === null) return undefined;
  const lists = Object.entries(COMPONENTS).map(([list, kind]) => {
    const components: unknown = (spec as Properties)[list] ?? (spec as Properties)[snakeCase(list)] ?? [];
    return Array.isArray(components) ? components.map((component: Properties) => `${kind} ${describeComponent(component)}`) : undefined;
  });
  // The state encrypts a whole list where one variable in it is secret: such an app is not compared.
  return lists.every((list) => list !== undefined) ? lists.flat().sort() : undefined;
}

function describeComponent(component: Properties): string {
  const size = component.instanceSizeSlug ?? component.instance_size_slug;
  const count = component.instanceCount ?? component.instance_count ?? 1;
  const isScaled = component.autoscaling !== undefined && component.autoscaling !== null;
  return [
    String(component.name),
    ...(typeof size === "string" && size !== "" ? [`${size}${isScaled || count === 0 ? "" : ` ×${count}`}`] : []),
  ].join(", ");
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const first = (list: unknown): unknown => (Array.isArray(list) ? list[0] : undefined);
