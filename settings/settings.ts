/**
 * One stack's choices, parsed: what `read.ts` makes of `Pulumi.<stack>.yaml` and everything past that door may trust.
 *
 * A value here is complete (every default filled in), within its limits, and consistent with the systems it picks.
 */
import type { System } from "../systems/definition.ts";

export type Environment = "local" | "staging" | "prod";

export interface Settings {
  readonly project: string;
  readonly stack: string;
  readonly environment: Environment;
  /** Appended to account-wide names so that two stacks never fight for one: "" in prod, "-staging", "-local". */
  readonly suffix: string;
  /** One private network for each region in which a system stands. */
  readonly networks: readonly NetworkSettings[];
  /** What may not be destroyed or replaced: clusters, databases, buckets. */
  readonly protect: boolean;
  /** IPv4 addresses and blocks outside the VPC that may reach the databases; the runner of post-deploy steps is one of them. */
  readonly allowedSources: readonly string[];
  readonly postgres: PostgresSettings;
  readonly valkey: ValkeySettings;
  readonly postDeploy: PostDeploySettings;
  readonly backups: BackupSettings;
  readonly alertEmails: readonly string[];
  readonly systems: readonly SystemSettings[];
  /** Config keys without a value, planned with a marked stand-in (`slipway plan --placeholders`); empty in every real run. */
  readonly placeholders: readonly string[];
  /** What is allowed and worth knowing all the same: a pool below its wish, a major near its end. */
  readonly notices: readonly string[];
}

export interface NetworkSettings {
  readonly region: string;
  readonly cidr: string;
  /** Id of a network that somebody else keeps; its block is its own. */
  readonly existing?: string;
}

export interface PostgresSettings {
  /** shared: one cluster for every system; dedicated: one each. */
  readonly layout: "shared" | "dedicated";
  /** Every cluster this stack holds, each with the systems on it. */
  readonly clusters: readonly PostgresCluster[];
}

export interface PostgresCluster {
  /** "shared", or the system's name. */
  readonly key: string;
  readonly systems: readonly string[];
  /** Where it stands; its network is the one of this region. */
  readonly region: string;
  readonly major: string;
  readonly size: string;
  readonly nodes: number;
  /** Read replicas: a region each; off by default. */
  readonly replicas: readonly { readonly name: string; readonly region: string; readonly size: string }[];
  readonly storageMiB?: number;
  /** Grows by this when this full; both are always set together, because DigitalOcean sends zeros for the missing one. */
  readonly autoscale?: { readonly thresholdPercent: number; readonly incrementGiB: number };
  /** Id of a cluster that exists already and is taken over as it is. */
  readonly adopt?: string;
  /** What of it is taken over; all that the systems declare where this is absent. */
  readonly adoptOnly?: Readonly<Record<"databases" | "users" | "pools", readonly string[]>>;
  readonly maintenance: { readonly day: Day; readonly hour: string };
}

export type Day = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";

export interface ValkeySettings {
  readonly clusters: readonly ValkeyCluster[];
}

export interface ValkeyCluster {
  /** "state", "cache", "single", or with the system in front: "shop-state". */
  readonly key: string;
  readonly class: "state" | "cache";
  /** Where it stands; its network is the one of this region. */
  readonly region: string;
  /** "system/store" of every store on it. */
  readonly stores: readonly string[];
  readonly version: string;
  readonly size: string;
  readonly nodes: number;
  readonly databases: number;
  readonly adopt?: string;
  readonly maintenance: { readonly day: Day; readonly hour: string };
}

/** How migrations and seeds reach the databases. */
export interface PostDeploySettings {
  /** runner: the machine that runs pulumi. job: a PRE_DEPLOY job inside the VPC. manual: by hand, with `slipway migrate`. */
  readonly mode: "runner" | "job" | "manual";
  /** The image the job runs: registry/repository:tag. */
  readonly image?: string;
}

export interface BackupSettings {
  readonly enabled: boolean;
  readonly region: string;
  readonly offsiteRegion: string;
  readonly bucketPrefix: string;
}

export interface SystemSettings {
  readonly system: System;
  /** Where its clusters stand. */
  readonly region: string;
  /** Where its apps run, beside them. */
  readonly appRegion: string;
  /** Key of the Postgres cluster this system's database is on. */
  readonly cluster: string;
  /** Store name to Valkey cluster key; a store whose feature is off is absent. */
  readonly stores: Readonly<Record<string, string>>;
  readonly features: ReadonlySet<string>;
  /** App key to domain; absent where the stack has none for it. */
  readonly domains: Readonly<Record<string, string>>;
  readonly repos: Readonly<Record<string, { readonly repo: string; readonly branch: string }>>;
  /** Component name to what runs it. */
  readonly sizes: Readonly<Record<string, { readonly size: string; readonly instances: number }>>;
  readonly phase: Phase;
  /** Connections allotted, by "component/ENV_KEY" for client pools and by pool name for PgBouncer. */
  readonly connections: Readonly<Record<string, number>>;
  /** Config keys of the operator secrets this stack needs, by secret name. */
  readonly operatorSecrets: Readonly<Record<string, string>>;
  /** What only an operator knows and anybody may read, by setting name. */
  readonly operatorSettings: Readonly<Record<string, string>>;
  /** The day the generated secrets were last requested to change, or "never"; a new date makes new ones. */
  readonly rotated: string;
}

/** P0 JSON only, P1 both and read JSON, P2 both and read Postgres, P3 Postgres only. */
export type Phase = "P0" | "P1" | "P2" | "P3";

export const PHASES: Readonly<Record<Phase, { readonly usePostgres: boolean; readonly dualWrite: boolean }>> = {
  P0: { usePostgres: false, dualWrite: false },
  P1: { usePostgres: false, dualWrite: true },
  P2: { usePostgres: true, dualWrite: true },
  P3: { usePostgres: true, dualWrite: false },
};
