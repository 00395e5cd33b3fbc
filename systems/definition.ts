/**
 * What one product requires of the platform, as plain data: no Pulumi, no secret, no host name, no port of a database.
 *
 * A definition states requirements: a database with these roles, a store that must not lose its keys, a service with this health path. `components/`
 * implements them at DigitalOcean, `settings/` decides how much of each a stack gets, `check.ts` rejects definitions that are inconsistent.
 */
import type { ChecklistItem, ServiceChecks, Target } from "./verification.ts";

/** Lower-case letters, digits and dashes. It is part of resource names, config keys and folder names. */
export type SystemName = string;

export interface System {
  readonly name: SystemName;
  /** As people write it: "FluxStudio". */
  readonly title: string;
  readonly postgres: PostgresNeeds;
  /** Valkey stores by name. A store is one eviction class: state that must not be lost, or cache that may be. */
  readonly stores: Readonly<Record<string, Store>>;
  /** Keyspaces by name, each a database number of a store. */
  readonly keyspaces: Readonly<Record<string, Keyspace>>;
  /** Places for files by name: App Platform deletes a container's files at each restart. */
  readonly buckets?: Readonly<Record<string, Bucket>>;
  readonly secrets: Readonly<Record<string, Secret>>;
  /** Public values that only an operator knows, such as ids of OAuth clients. */
  readonly settings?: Readonly<Record<string, Setting>>;
  /** What a stack can switch on. Every feature is off by default. */
  readonly features: Readonly<Record<string, Feature>>;
  /** App Platform apps by key. The component that serves the system's API is called `api`. */
  readonly apps: Readonly<Record<string, App>>;
  readonly backups: BackupPolicy;
  readonly alerts: AlertPolicy;
  /** Who answers for what. The runbook lists them. */
  readonly contacts?: readonly Contact[];
  /** How long the product's documents give for what a person does. */
  readonly timeBudgets?: readonly TimeBudget[];
  /** The product's own list of what to look at after a deployment. `slipway verify` answers it item by item. */
  readonly checklist?: readonly ChecklistItem[];
  /** Durations that the product's documents promise. `slipway verify --bench` prints them next to what it measures. */
  readonly targets?: readonly Target[];
  /** Where the product's documents ask for something impossible or unsafe: what they ask for, and what is built instead. A plan prints them. */
  readonly deviations: readonly Deviation[];
}

// ── Postgres ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface PostgresNeeds {
  readonly database: string;
  /** The first one is first in the search path of every role. */
  readonly schemas: readonly [string, ...string[]];
  readonly extensions: readonly string[];
  readonly roles: Readonly<Record<RoleKind, string>>;
  /** PgBouncer pools by name, in front of the runtime role. Migrations, locks and dumps never go through them. */
  readonly pools: Readonly<Record<string, Pool>>;
  /** The runtime role's statement_timeout, so that an endless query releases its connection. */
  readonly statementTimeoutSeconds: number;
  /** The major version that the product was measured on. A stack may select a newer one, never an older one. */
  readonly minimumMajor: number;
  /** Statements slower than this are logged by the server. */
  readonly slowStatementMs?: number;
  /** The size of the server in the product's documents. A plan contains a notice where the node is smaller. */
  readonly sizing?: Sizing;
}

export interface Sizing {
  readonly connections?: number;
  readonly sharedBuffersMiB?: number;
  readonly effectiveCacheMiB?: number;
  /** The users at the same time that the product's documents expect. A plan of production contains a notice where the API has too few connections. */
  readonly concurrentUsers?: number;
}

/**
 * owner     owns every object, runs migrations (DDL)
 * runtime   what the application connects as: SELECT, INSERT, UPDATE, DELETE and sequences
 * readonly  SELECT
 * backup    SELECT on everything, also under row-level security
 */
export type RoleKind = "owner" | "runtime" | "readonly" | "backup";

export interface Pool {
  readonly mode: "transaction" | "session" | "statement";
  /** Requested server connections; the stack's budget may allocate fewer. */
  readonly wish: number;
}

// ── Valkey ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Store {
  /** state: noeviction, snapshots on. cache: allkeys_lru, snapshots off. Never both in one cluster in production. */
  readonly class: "state" | "cache";
  /** Required memory, in MiB. */
  readonly memoryMiB: number;
  /** A store that only exists where this feature is on. */
  readonly feature?: string;
}

export interface Keyspace {
  readonly store: string;
  /** The number that the product passes to SELECT. */
  readonly database: number;
  /** Keys of a durable keyspace must not be lost. Keys of any other have a TTL. */
  readonly durable: boolean;
}

// ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A private Spaces bucket with a key of its own. The apps that read it are the only ones that get the key. */
export interface Bucket {
  /** A bucket that only exists where this feature is on. */
  readonly feature?: string;
  /** What browsers may do with presigned URLs, from the address of each app that reads the bucket. Without it, no browser request is allowed. */
  readonly cors?: { readonly methods: readonly [BucketMethod, ...BucketMethod[]] };
  /** Serves objects through DigitalOcean's CDN. An object is public only if the app writes it with the ACL public-read. @default no CDN */
  readonly cdn?: true;
  /** For how many days deleted and overwritten objects can be restored. @default 30 */
  readonly deletedKeptDays?: number;
}

export type BucketMethod = "GET" | "HEAD" | "PUT" | "POST" | "DELETE";

// ── Secrets and features ────────────────────────────────────────────────────────────────────────────────────────────

/** The origin of a secret. */
export type Secret =
  /** Created by @pulumi/random, kept in the encrypted state, and created again when the stack changes its rotation date. */
  | { readonly origin: "generated"; readonly length: number }
  /** Typed once by an operator with `pulumi config set --secret`; needed only where `feature` is on (always, without one). */
  | { readonly origin: "operator"; readonly purpose: string; readonly feature?: string };

/** Typed once by an operator with `pulumi config set`; needed only where `feature` is on (always, without one). */
export interface Setting {
  readonly purpose: string;
  readonly feature?: string;
}

export interface Feature {
  /** Printed where a stack names a feature that does not exist. */
  readonly purpose: string;
}

// ── Apps ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface App {
  /** 2 to 32 characters with the stack's suffix; unique in the account. */
  readonly name: string;
  /** The production domain; a stack may name another or none. */
  readonly domain?: string;
  readonly components: Readonly<Record<string, Component>>;
}

export type Component = Service | StaticSite | Worker | Job;

interface Runs {
  readonly source: Source;
  readonly env: Readonly<Record<string, Env>>;
  /** A component that only exists where this feature is on. */
  readonly feature?: string;
}

interface Sized {
  /** An App Platform instance size slug. */
  readonly size: string;
  readonly instances: number;
  /** An alert is sent above this. @default the memory limit of the system's alerts */
  readonly memoryAlertMiB?: number;
}

export interface Service extends Runs, Sized {
  readonly kind: "service";
  readonly port: number;
  readonly health: Health;
  /** Path prefixes that are routed to this component. */
  readonly routes: readonly [string, ...string[]];
  /** What `slipway verify` expects of it after a deployment, besides a healthy answer. */
  readonly checks?: ServiceChecks;
}

export interface StaticSite extends Runs {
  readonly kind: "site";
  readonly outputDir: string;
  readonly routes: readonly [string, ...string[]];
}

export interface Worker extends Runs, Sized {
  readonly kind: "worker";
}

export interface Job extends Runs, Sized {
  readonly kind: "job";
  readonly when: "PRE_DEPLOY" | "POST_DEPLOY" | "FAILED_DEPLOY";
}

export interface Health {
  readonly path: string;
  readonly everySeconds: number;
  readonly timeoutSeconds: number;
  readonly failures: number;
}

export interface Source {
  /** owner/name on GitHub; a stack may name a fork. */
  readonly repo: string;
  readonly branch: string;
  readonly dir: string;
  readonly buildCommand?: string;
  readonly runCommand?: string;
  /** App Platform's buildpack name. */
  readonly environment: "node-js" | "python" | "docker";
  readonly deployOnPush: boolean;
}

// ── Environment variables ───────────────────────────────────────────────────────────────────────────────────────────

/** Build-time values can become part of what a browser downloads, so secrets and databases are never among them. */
export type Scope = "RUN_TIME" | "BUILD_TIME" | "RUN_AND_BUILD_TIME";

export type Env = (
  | { readonly from: "plain"; readonly value: string }
  /**
   * Bindable references and cluster outputs: the credentials never leave DigitalOcean. It is always the runtime role.
   * `replica` is a read replica: a stack without one leaves the variable out.
   */
  | { readonly from: "database"; readonly part: DatabasePart; readonly pool?: string; readonly driver?: string; readonly replica?: true }
  | { readonly from: "store"; readonly keyspace: string; readonly part: StorePart }
  /** A store without keyspaces: the URL has no database number. */
  | { readonly from: "store"; readonly store: string; readonly part: StorePart }
  /**
   * Path of a file that holds the certificates of this component's `ca` variables. App Platform mounts no files, so the component's
   * run command is preceded by the line that writes it; clients then verify the server without a change to their code.
   */
  | { readonly from: "caFile" }
  /** Named for what an S3 client takes. `cdnUrl` is the address of a bucket with a CDN. */
  | { readonly from: "bucket"; readonly bucket: string; readonly part: BucketPart }
  | { readonly from: "secret"; readonly secret: string }
  | { readonly from: "setting"; readonly setting: string }
  /** One of the cutover flags. The stack sets the phase. */
  | { readonly from: "phase"; readonly flag: PhaseFlag }
  /** The size of the client's own pool: the request, or what the node's budget leaves of it. */
  | { readonly from: "budget"; readonly wish: number; readonly least: number; readonly overflow?: number }
  /** The app's own address, as App Platform fills it in. */
  | { readonly from: "app"; readonly part: "url" | "domain" }
) & {
  readonly scope: Scope;
  readonly feature?: string;
};

export type DatabasePart = "url" | "host" | "port" | "name" | "user" | "password" | "ca";
export type StorePart = "url" | "host" | "port" | "password" | "ca";
export type BucketPart = "name" | "region" | "endpoint" | "accessKey" | "secretKey" | "cdnUrl";
export type PhaseFlag = "usePostgres" | "dualWrite";

/** Short forms. All but `build` are RUN_TIME, so that their values do not become part of what an app serves. */
export const env = {
  plain: (value: string): Env => ({ from: "plain", value, scope: "RUN_TIME" }),
  build: (value: string): Env => ({ from: "plain", value, scope: "BUILD_TIME" }),
  database: (part: DatabasePart, via: { pool?: string; driver?: string; replica?: true } = {}): Env => ({
    from: "database",
    part,
    ...via,
    scope: "RUN_TIME",
  }),
  keyspace: (keyspace: string, part: StorePart = "url"): Env => ({ from: "store", keyspace, part, scope: "RUN_TIME" }),
  store: (store: string, part: StorePart = "url"): Env => ({ from: "store", store, part, scope: "RUN_TIME" }),
  bucket: (bucket: string, part: BucketPart): Env => ({ from: "bucket", bucket, part, scope: "RUN_TIME" }),
  caFile: (): Env => ({ from: "caFile", scope: "RUN_TIME" }),
  secret: (secret: string): Env => ({ from: "secret", secret, scope: "RUN_TIME" }),
  setting: (setting: string): Env => ({ from: "setting", setting, scope: "RUN_TIME" }),
  phase: (flag: PhaseFlag): Env => ({ from: "phase", flag, scope: "RUN_TIME" }),
  budget: (wish: number, least: number, overflow = 0): Env => ({ from: "budget", wish, least, overflow, scope: "RUN_TIME" }),
  app: (part: "url" | "domain"): Env => ({ from: "app", part, scope: "RUN_TIME" }),
  /** The same variable, but only where a feature is on. */
  where: (feature: string, value: Env): Env => ({ ...value, feature }),
} as const;

// ── Operations ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface BackupPolicy {
  /** DigitalOcean's own daily backup of the cluster, and slipway's. */
  readonly postgres: { readonly hourUtc: number };
  /** Of how many days the last export of each durable store is kept. @default as those of the database */
  readonly keyspaces?: { readonly days: number };
}

export interface AlertPolicy {
  readonly emails: readonly string[];
  /** A Slack channel; the webhook that reaches it is the named operator secret. */
  readonly slack?: { readonly channel: string; readonly webhook: string };
  /** Limits of a database node and of a component, in per cent. */
  readonly cpu: number;
  readonly memory: number;
  readonly disk: number;
  /** Milliseconds a health check may take. */
  readonly latency: number;
  readonly restartsPerHour: number;
}

export interface Contact {
  readonly for: string;
  /** An address, or why there is none. */
  readonly contact: string;
}

export interface TimeBudget {
  readonly task: string;
  readonly minutes: number;
}

export interface Deviation {
  readonly asked: string;
  readonly built: string;
}
