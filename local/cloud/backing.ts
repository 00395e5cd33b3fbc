/**
 * What runs behind the cloud: the servers of its clusters and the processes of its apps.
 *
 * Every method is idempotent: after a crash the cloud repeats calls with the same arguments. If a method rejects, the request fails with its
 * message and the cloud does not record the change.
 */
export interface Backing {
  /** The Postgres majors that it can run. @default all */
  readonly postgresMajors?: readonly string[];
  /** Returns the address where the cluster will listen. Fast; called before the server starts. */
  placeCluster(cluster: BackedCluster): Promise<Endpoint>;
  /**
   * Starts the server or finds it running, and brings the cluster to the described state: creates missing databases, users and pools,
   * resizes, upgrades, promotes a former replica. Resolves when the cluster accepts connections. Removes nothing; data persists.
   */
  startCluster(cluster: BackedCluster): Promise<Endpoint>;
  /** Stops the server and deletes its data. */
  removeCluster(clusterId: string): Promise<void>;

  createDatabase(clusterId: string, name: string): Promise<void>;
  dropDatabase(clusterId: string, name: string): Promise<void>;

  /** Creates a login role with the privileges that DigitalOcean's API gives a user. */
  createUser(clusterId: string, user: BackedUser): Promise<void>;
  /** Also changes the administrator's password. */
  setPassword(clusterId: string, user: BackedUser): Promise<void>;
  dropUser(clusterId: string, name: string): Promise<void>;

  /** Creates the pool, or changes the existing pool of that name. */
  setPool(clusterId: string, pool: BackedPool): Promise<void>;
  removePool(clusterId: string, name: string): Promise<void>;

  /** Replaces the whole list. An empty list admits every address, as at DigitalOcean. */
  setFirewall(clusterId: string, rules: readonly BackedRule[]): Promise<void>;
  /** Applies the whole configuration, in DigitalOcean's field names. Valkey's eviction policy is `valkey_maxmemory_policy`, with dashes. */
  configure(clusterId: string, config: Readonly<Record<string, unknown>>): Promise<void>;

  /** Returns the addresses of an app and its components. Called before environments are resolved, which refer to them. */
  placeApp(app: BackedApp): Promise<Placement>;
  /** Starts the components, and stops those that ran before once all are healthy. Resolves then, or with the component that is not healthy. */
  deployApp(app: BackedApp, components: readonly BackedComponent[]): Promise<DeployOutcome>;
  /** Runs a job until it ends or `stop` aborts. Runs its command if its source is on this machine, else checks the services in its variables. */
  runJob(app: BackedApp, job: BackedJob, stop: AbortSignal): Promise<DeployOutcome>;
  removeApp(appId: string): Promise<void>;
  /** Returns the end of what a component or job printed, of every deployment on this machine; "" if nothing. */
  readLog(appId: string, component: string, type: LogType): Promise<string>;

  /** Stops every process and keeps all data. */
  close(): Promise<void>;
}

/** What runs apps, as opposed to the servers of clusters. */
export type AppMethod = "placeApp" | "deployApp" | "runJob" | "removeApp" | "readLog";

export interface BackedCluster {
  readonly id: string;
  readonly name: string;
  readonly engine: "pg" | "valkey";
  readonly version: string;
  readonly region: string;
  readonly size: string;
  readonly nodes: number;
  readonly admin: BackedUser;
  /** The cluster whose data is copied at creation. */
  readonly forkOf?: string;
  /** The primary of this read-only replica. */
  readonly replicaOf?: string;
  readonly databases: readonly string[];
  /** The owner of each database, by database name. @default the administrator */
  readonly owners?: Readonly<Record<string, string>>;
  /** Excludes the administrator. */
  readonly users: readonly BackedUser[];
  readonly pools: readonly BackedPool[];
  readonly rules: readonly BackedRule[];
  readonly config: Readonly<Record<string, unknown>>;
}

export interface BackedUser {
  readonly name: string;
  readonly password: string;
  /** Whether the role may read the replication stream. */
  readonly replication: boolean;
}

export interface BackedPool {
  readonly name: string;
  readonly mode: string;
  readonly size: number;
  readonly database: string;
  /** Absent: clients connect with their own name and password. */
  readonly user?: BackedUser;
}

export interface BackedRule {
  readonly type: string;
  readonly value: string;
}

export interface Endpoint {
  readonly host: string;
  /** The cluster's host name inside its VPC. */
  readonly privateHost: string;
  readonly port: number;
  /** The port of its connection pools. */
  readonly poolPort: number;
  /** PEM. */
  readonly ca: string;
}

export interface BackedApp {
  readonly id: string;
  readonly name: string;
  /** Makes the app's address unique. */
  readonly suffix: string;
  /** The components that serve HTTP, with the port of each. */
  readonly services: readonly { readonly name: string; readonly port: number }[];
}

export interface Placement {
  /** The app's public address, without a trailing slash. */
  readonly url: string;
  readonly services: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

export interface BackedComponent {
  readonly name: string;
  readonly kind: "service" | "worker" | "job" | "static_site" | "function";
  /** For a job: its kind, such as PRE_DEPLOY. */
  readonly when?: string;
  /** Fully resolved, including secrets. */
  readonly env: Readonly<Record<string, string>>;
  readonly healthPath?: string;
  /** The path of its liveness check. */
  readonly livenessPath?: string;
  /** Path prefixes under the app's address that are routed to it. */
  readonly routes?: readonly string[];
}

export interface BackedJob extends BackedComponent {
  readonly command?: string;
  /** Its source directory, relative to the root of its repository. */
  readonly sourceDir?: string;
  readonly timeoutMs: number;
  /** The time between SIGTERM and SIGKILL. */
  readonly gracePeriodMs: number;
}

export type DeployOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly component: string;
      readonly message: string;
      /** The components that ran before still run, and these do not. */
      readonly kept?: boolean;
    };

/** RUN: what runs has printed. RUN_RESTARTED: the end of what instances printed that ended by themselves and were started again. */
export type LogType = "RUN" | "RUN_RESTARTED";
