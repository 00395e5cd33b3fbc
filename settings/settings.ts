/**
 * The parsed settings of one stack, from `Pulumi.<stack>.yaml`.
 *
 * They are complete (with every default), within their limits, and consistent with the systems that the stack selects.
 */
import { alternateOf, type UserSlot, userIn } from "../catalog/alternate-user.ts";
import type { Retention } from "../catalog/retention.ts";
import type { System } from "../systems/definition.ts";

export type Environment = "local" | "staging" | "prod";

export interface Settings {
  readonly project: string;
  readonly stack: string;
  readonly environment: Environment;
  /** Appended to account-wide names so that two stacks never use the same one: "" in prod, "-staging", "-local". */
  readonly suffix: string;
  /** One private network for each region of a system. */
  readonly networks: readonly NetworkSettings[];
  /** Whether every resource of the stack is protected from deletion, and from replacement where normal operation does not need it. */
  readonly protect: boolean;
  /** IPv4 addresses and blocks outside the VPC that may reach the databases; the runner of post-deploy steps is one of them. */
  readonly allowedSources: readonly string[];
  readonly postgres: PostgresSettings;
  readonly valkey: ValkeySettings;
  readonly postDeploy: PostDeploySettings;
  /** What an `up` does after the apps: nothing, verify and warn, or verify and fail. */
  readonly verify: VerifyMode;
  readonly backups: BackupSettings;
  readonly alertEmails: readonly string[];
  /** The day of the last rotation of the keys of buckets, or "never". */
  readonly keysRotated: string;
  readonly systems: readonly SystemSettings[];
  /** Config keys without a value, planned with a marked placeholder (`slipway plan --placeholders`); empty in every real run. */
  readonly placeholders: readonly string[];
  /** Messages about valid settings: a pool that gets fewer connections than it requests, a major version near its end. */
  readonly notices: readonly string[];
}

export type VerifyMode = "off" | "warn" | "fail";

export interface NetworkSettings {
  readonly region: string;
  readonly cidr: string;
  /** Id of a network that this program does not manage; its block is its own. */
  readonly existing?: string;
}

export interface PostgresSettings {
  /** The clusters of this stack, each with its systems. */
  readonly clusters: readonly PostgresCluster[];
}

export interface PostgresCluster {
  /** "shared", or the system's name. */
  readonly key: string;
  readonly systems: readonly string[];
  /** Systems that use another cluster, and whose database and users stay on this one. */
  readonly kept: readonly string[];
  /** Its region and that of its network. */
  readonly region: string;
  readonly major: string;
  readonly size: string;
  readonly nodes: number;
  /** Read replicas: a region each; off by default. */
  readonly replicas: readonly { readonly name: string; readonly region: string; readonly size: string }[];
  readonly storageMiB?: number;
  /** How full the disk is when it grows, and by how much. Both are set, because the provider sends 0 for a missing one. */
  readonly autoscale?: { readonly thresholdPercent: number; readonly incrementGiB: number };
  /** Id of an existing cluster that is adopted as it is. */
  readonly adopt?: string;
  /** The declared names that exist in it; absent where all of them do. */
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
  /** Its region and that of its network. */
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
  /** Absent where nothing makes backups: no age recipient is named. */
  readonly schedule?: BackupSchedule;
}

/** What makes backups: a worker for each system, and each `up` before it migrates a database or deploys another version. */
export interface BackupSchedule {
  /** The age recipients that backups are encrypted for. */
  readonly recipients: readonly string[];
  /** Whose signatures count in addition to those of the stack's own key. */
  readonly verifyKeys: readonly string[];
  /** What the worker runs: registry/repository:tag. */
  readonly image: string;
  /** Once an hour, and not only once a day. */
  readonly hourly: boolean;
  readonly retention: Retention;
  /** An `up` makes no new backup where a verified one is not older. */
  readonly maxAgeHours: number;
}

export interface SystemSettings {
  readonly system: System;
  /** The region of its clusters. */
  readonly region: string;
  /** The App Platform region of its apps, in the same city. */
  readonly appRegion: string;
  /** Key of the Postgres cluster this system's database is on. */
  readonly cluster: string;
  /** Store name to Valkey cluster key; a store whose feature is off is absent. */
  readonly stores: Readonly<Record<string, string>>;
  /** Buckets by name, with their name at DigitalOcean; a bucket whose feature is off is absent. */
  readonly buckets: Readonly<Record<string, { readonly name: string; readonly region: string }>>;
  readonly features: ReadonlySet<string>;
  /** App key to domain; absent where the stack has none for it. */
  readonly domains: Readonly<Record<string, string>>;
  readonly repos: Readonly<Record<string, { readonly repo: string; readonly branch: string }>>;
  /** Instances by component name. */
  readonly sizes: Readonly<Record<string, { readonly size: string; readonly instances: number }>>;
  readonly phase: Phase;
  /** Allocated connections, by "component/ENV_KEY" for client pools and by pool name for PgBouncer. */
  readonly connections: Readonly<Record<string, number>>;
  /** Config keys of the operator secrets this stack needs, by secret name. */
  readonly operatorSecrets: Readonly<Record<string, string>>;
  /** Public values that only an operator knows, by setting name. */
  readonly operatorSettings: Readonly<Record<string, string>>;
  /** The day of the last rotation of the generated secrets, or "never". A new day creates new ones. */
  readonly rotated: string;
  /** By role; absent for a role that was never rotated: it has no second user. */
  readonly credentials: Readonly<Partial<Record<RoleKind, Credential>>>;
}

export type RoleKind = keyof System["postgres"]["roles"];

/** Which of the two users of a database role is used. */
export interface Credential {
  readonly active: UserSlot;
  /** The day since which it is used. */
  readonly since?: string;
  /** The other user, while a rotation has not yet replaced its password. */
  readonly retiring?: UserSlot;
}

/** The user that a stack's applications and steps log in as. */
export const activeUser = ({ system, credentials }: Pick<SystemSettings, "system" | "credentials">, kind: RoleKind): string =>
  userIn(credentials[kind]?.active ?? "a", system.postgres.roles[kind]);

/** Every user of the database: the roles, and the second user of each role that was rotated. */
export const databaseUsers = ({
  system,
  credentials,
}: Pick<SystemSettings, "system"> & { readonly credentials: Partial<Record<RoleKind, unknown>> }): readonly string[] => [
  ...Object.values(system.postgres.roles),
  ...ROLE_KINDS.filter((kind) => credentials[kind] !== undefined).map((kind) => alternateOf(system.postgres.roles[kind])),
];

export const ROLE_KINDS = ["owner", "runtime", "readonly", "backup"] as const satisfies readonly RoleKind[];

/** P0 JSON only, P1 both and read JSON, P2 both and read Postgres, P3 Postgres only. */
export type Phase = "P0" | "P1" | "P2" | "P3";

export interface PhaseFlags {
  readonly usePostgres: boolean;
  readonly dualWrite: boolean;
}

const FLAGS: Readonly<Record<Phase, PhaseFlags>> = {
  P0: { usePostgres: false, dualWrite: false },
  P1: { usePostgres: false, dualWrite: true },
  P2: { usePostgres: true, dualWrite: true },
  P3: { usePostgres: true, dualWrite: false },
};

/** Whether the files of an app last. App Platform deletes those of a container at every restart. */
export const hasDisk = (environment: Environment): boolean => environment === "local";

/** What the services of a system read in a phase. Without a disk there is no second store to write: the JSON copy of P2 is a scheduled export. */
export const flagsOf = (phase: Phase, environment: Environment): PhaseFlags =>
  hasDisk(environment) ? FLAGS[phase] : { ...FLAGS[phase], dualWrite: false };
