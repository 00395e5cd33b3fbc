/**
 * What really runs behind the cloud: the servers of its clusters and the processes of its apps.
 *
 * Every method may be called again after a crash with what it was called with before, and must then leave what is already right alone.
 * A method that rejects makes the request fail with its message; the cloud then does not record the change.
 */
export interface Backing {
  /** The majors of Postgres that it can run. @default every one */
  readonly postgresMajors?: readonly string[];
  /** Where a cluster will answer: quick, asked before its server runs. */
  placeCluster(cluster: BackedCluster): Promise<Endpoint>;
  /**
   * Makes the cluster what is described, and resolves when it answers: starts its server or finds it running, creates what is missing
   * in it, resizes, upgrades, lets a former replica stand alone. Its data outlives the process. What is there besides is not touched.
   */
  startCluster(cluster: BackedCluster): Promise<Endpoint>;
  /** Ends the server and removes its data. */
  removeCluster(clusterId: string): Promise<void>;

  createDatabase(clusterId: string, name: string): Promise<void>;
  dropDatabase(clusterId: string, name: string): Promise<void>;

  /** A login role with what DigitalOcean gives an API user, and no more. */
  createUser(clusterId: string, user: BackedUser): Promise<void>;
  /** Also for the cluster's own administrator. */
  setPassword(clusterId: string, user: BackedUser): Promise<void>;
  dropUser(clusterId: string, name: string): Promise<void>;

  /** Creates the pool, or changes it where one of that name is there. */
  setPool(clusterId: string, pool: BackedPool): Promise<void>;
  removePool(clusterId: string, name: string): Promise<void>;

  /** The whole list; an empty one means open to everybody, as at DigitalOcean. */
  setFirewall(clusterId: string, rules: readonly BackedRule[]): Promise<void>;
  /** The whole configuration, by DigitalOcean's field names; a Valkey's eviction policy is `valkey_maxmemory_policy`, with dashes. */
  configure(clusterId: string, config: Readonly<Record<string, unknown>>): Promise<void>;

  /** Where an app and its components will answer: asked before environments are resolved, because they refer to it. */
  placeApp(app: BackedApp): Promise<Placement>;
  /** Replaces what runs of an app. Resolves when it is healthy, or says which component is not. */
  deployApp(app: BackedApp, components: readonly BackedComponent[]): Promise<DeployOutcome>;
  /** Runs a job to its end, or until `stop`: its command where its source is on this machine, else a check of what its variables name. */
  runJob(app: BackedApp, job: BackedJob, stop: AbortSignal): Promise<DeployOutcome>;
  removeApp(appId: string): Promise<void>;

  /** Ends every process, keeping all data. */
  close(): Promise<void>;
}

export interface BackedCluster {
  readonly id: string;
  readonly name: string;
  readonly engine: "pg" | "valkey";
  readonly version: string;
  readonly region: string;
  readonly size: string;
  readonly nodes: number;
  readonly admin: BackedUser;
  /** A copy of that cluster's data to begin with. */
  readonly forkOf?: string;
  /** Follows that cluster, read-only. */
  readonly replicaOf?: string;
  readonly databases: readonly string[];
  /** The user that owns a database, by the database's name. @default the administrator */
  readonly owners?: Readonly<Record<string, string>>;
  /** Without the administrator. */
  readonly users: readonly BackedUser[];
  readonly pools: readonly BackedPool[];
  readonly rules: readonly BackedRule[];
  readonly config: Readonly<Record<string, unknown>>;
}

export interface BackedUser {
  readonly name: string;
  readonly password: string;
  /** May the role read the replication stream? */
  readonly replication: boolean;
}

export interface BackedPool {
  readonly name: string;
  readonly mode: string;
  readonly size: number;
  readonly database: string;
  /** Absent: whoever connects brings their own name and password. */
  readonly user?: BackedUser;
}

export interface BackedRule {
  readonly type: string;
  readonly value: string;
}

export interface Endpoint {
  readonly host: string;
  /** What the cluster is called inside its VPC. */
  readonly privateHost: string;
  readonly port: number;
  /** Where its pools answer. */
  readonly poolPort: number;
  /** PEM. */
  readonly ca: string;
}

export interface BackedApp {
  readonly id: string;
  readonly name: string;
  /** What tells this app's address from another's. */
  readonly suffix: string;
  /** Names of the components that serve HTTP inside the app, with the port each asks for. */
  readonly services: readonly { readonly name: string; readonly port: number }[];
}

export interface Placement {
  /** The app's public address, without a slash at its end. */
  readonly url: string;
  readonly services: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

export interface BackedComponent {
  readonly name: string;
  readonly kind: "service" | "worker" | "job" | "static_site" | "function";
  /** For a job: when it runs. */
  readonly when?: string;
  /** Resolved to the last value, secrets included. */
  readonly env: Readonly<Record<string, string>>;
  readonly healthPath?: string;
  /** The path of its liveness check. */
  readonly livenessPath?: string;
  /** Path prefixes under the app's address that lead to it. */
  readonly routes?: readonly string[];
}

export interface BackedJob extends BackedComponent {
  readonly command?: string;
  /** Where its source begins, relative to the root of its repository. */
  readonly sourceDir?: string;
  readonly timeoutMs: number;
  /** How long it may take to end after SIGTERM. */
  readonly gracePeriodMs: number;
}

export type DeployOutcome = { readonly ok: true } | { readonly ok: false; readonly component: string; readonly message: string };
