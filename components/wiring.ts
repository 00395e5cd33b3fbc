/**
 * Resolves every variable of a system's components once: where the value comes from, which component reads it, the value that the App spec carries,
 * and its scope. The App spec, its database bindings, the post-deploy job's environment and the declared secrets all read this list; through the
 * declared secrets, so do the audit and the preview.
 *
 * Database credentials are bindable references: App Platform inserts them when a container starts, so the program, the state and the spec hold no copy
 * of a password. The host is the cluster's private one, because the bindable URL names the public host even inside a VPC.
 */
import * as pulumi from "@pulumi/pulumi";
import { BACKUP_VARIABLES } from "../catalog/backup-variables.ts";
import { ADMIN_URL, DATABASE_URL, OWNER_URL, POSTGRES_CA, storeVariable } from "../catalog/connection-variables.ts";
import { workerName } from "../settings/backups.ts";
import { activeUser, type BackupSchedule, flagsOf, type RoleKind, type Settings, type SystemSettings } from "../settings/settings.ts";
import type { App, Component, DatabasePart, Env } from "../systems/definition.ts";
import type { AppDatabase, AppEnv } from "./appspec.ts";
import type { BackupCopy } from "./backups.ts";
import type { Bucket } from "./bucket.ts";
import { SECRET_NAME } from "./names.ts";
import type { Postgres } from "./postgres.ts";
import { ADMIN } from "./postgres-args.ts";
import type { Secrets } from "./secrets.ts";
import type { Valkey } from "./valkey.ts";

/** What the variables of one system can refer to. */
export interface SystemResources {
  readonly stack: Settings;
  readonly settings: SystemSettings;
  readonly postgres: Postgres;
  /** By store name; a store whose feature is off is absent. */
  readonly stores: Readonly<Record<string, Valkey>>;
  /** By name; a bucket whose feature is off is absent. */
  readonly buckets: Readonly<Record<string, Bucket>>;
  readonly secrets: Secrets;
  /** Absent where nothing makes backups. */
  readonly scheduled: ScheduledBackups | undefined;
}

/** The backups that a stack makes: when, where and signed with which key. */
export interface ScheduledBackups {
  readonly schedule: BackupSchedule;
  readonly copies: readonly BackupCopy[];
  readonly signingKey: pulumi.Output<string>;
}

/** One variable of one component. */
export interface Wire {
  readonly source: Source;
  readonly reader: Reader;
  readonly value: pulumi.Input<string>;
  readonly scope: AppEnv["scope"];
}

export interface Source {
  /** The value is the path of the file that holds the clusters' certificates. */
  readonly isCaFile?: true;
  /** The declared secret that the reader receives: `shop.jwtSecret`, `shop.postgres.runtime`. */
  readonly secret?: string;
  /** The App spec contains the value itself, as SECRET; a bindable reference contains none. */
  readonly encrypted?: true;
  /** The attached database that the value refers to, and which part of its connection. */
  readonly binding?: Binding;
  readonly part?: DatabasePart;
}

export interface Reader {
  /** The app's name at DigitalOcean. */
  readonly app: string;
  readonly component: string;
  readonly variable: string;
}

/** A managed database, attached to an app under the alias that bindable references use. */
export interface Binding {
  readonly alias: string;
  readonly database: AppDatabase;
  /** The declared secret that holds the login's password. */
  readonly secret: string;
}

/** The file in a container that holds the clusters' certificates. */
export const CA_FILE = "/tmp/slipway-ca.pem";

export const POST_DEPLOY_JOB = "post-deploy";

export const BACKUP_WORKER = "worker";

type DatabaseEnv = Extract<Env, { from: "database" }>;
type StoreEnv = Extract<Env, { from: "store" }>;
type BucketEnv = Extract<Env, { from: "bucket" }>;

export function resolveWiring({ stack, settings, postgres, stores, buckets, secrets, scheduled }: SystemResources): readonly Wire[] {
  const { system } = settings;
  const { database } = system.postgres;
  const apps = Object.values(system.apps);
  const runtime = roleBinding("db", "runtime");
  const owner = roleBinding("owner", "owner");
  const backup = roleBinding("backup", "backup");
  const admin = postgresBinding("admin", ADMIN, SECRET_NAME.admin(settings.cluster));

  return [
    ...apps.flatMap((app) => activeComponents(app, settings).flatMap(([name, component]) => componentWires(app, name, component))),
    ...apps.filter((app) => hasPostDeployJob(app, stack)).flatMap(jobWires),
    ...(scheduled === undefined ? [] : workerWires(scheduled)),
  ];

  function roleBinding(alias: string, kind: RoleKind): Binding {
    return postgresBinding(alias, activeUser(settings, kind), SECRET_NAME.role(system.name, kind, settings.credentials[kind]?.active));
  }

  function postgresBinding(alias: string, user: string, secret: string): Binding {
    return { alias, secret, database: { engine: "PG", cluster: postgres.name, database, user } };
  }

  function storeBinding(store: string): Binding {
    const secret = SECRET_NAME.store(settings.stores[store]!);
    return { alias: store, secret, database: { engine: "VALKEY", cluster: stores[store]!.name } };
  }

  function componentWires(app: App, component: string, { env }: Component): Wire[] {
    const present = Object.entries(env).filter(([, definition]) => isPresent(definition));
    const hasCaFile = present.some(([, { from }]) => from === "caFile");
    return present.map(([variable, definition]) => ({
      ...resolve(definition, `${component}/${variable}`, hasCaFile),
      reader: readerOf(app, component, variable),
      scope: definition.scope,
    }));
  }

  function readerOf(app: App, component: string, variable: string): Reader {
    return { app: `${app.name}${stack.suffix}`, component, variable };
  }

  /** A variable is left out if its feature is off, or if this stack has no such store or no replica. */
  function isPresent(env: Env): boolean {
    if (!isActive(env, settings)) return false;
    if (env.from === "store") return storeOf(env) in stores;
    if (env.from === "bucket") return env.bucket in buckets;
    return !(env.from === "database" && env.replica && postgres.replicas.length === 0);
  }

  function storeOf(env: StoreEnv): string {
    return "store" in env ? env.store : system.keyspaces[env.keyspace]!.store;
  }

  function resolve(env: Env, path: string, hasCaFile: boolean): Pick<Wire, "source" | "value"> {
    switch (env.from) {
      case "plain":
        return { source: {}, value: env.value };
      case "caFile":
        return { source: { isCaFile: true }, value: CA_FILE };
      case "setting":
        return { source: {}, value: settings.operatorSettings[env.setting]! };
      case "phase":
        return { source: {}, value: String(flagsOf(settings.phase, stack.environment)[env.flag]) };
      case "budget":
        return { source: {}, value: String(settings.connections[path] ?? env.wish) };
      case "app":
        return { source: {}, value: env.part === "url" ? "${APP_URL}" : "${APP_DOMAIN}" };
      case "secret":
        return { source: { encrypted: true, secret: SECRET_NAME.own(system.name, env.secret) }, value: secrets.value(env.secret) };
      case "database":
        return { source: bound(runtime, env.part), value: databaseValue(env, hasCaFile) };
      case "store":
        return { source: bound(storeBinding(storeOf(env)), env.part), value: storeValue(env) };
      case "bucket":
        return { source: bucketSource(env), value: bucketValue(env) };
    }
  }

  function bucketSource({ bucket, part }: BucketEnv): Source {
    return part === "accessKey" || part === "secretKey" ? { encrypted: true, secret: SECRET_NAME.bucket(system.name, bucket) } : {};
  }

  function bucketValue({ bucket, part }: BucketEnv): pulumi.Input<string> {
    const { bucket: name, region, endpoint, accessKey, secretKey, cdnUrl } = buckets[bucket]!;
    // A definition that reads the CDN's address declares the CDN.
    return { name, region, endpoint, accessKey, secretKey, cdnUrl: cdnUrl! }[part];
  }

  function databaseValue({ part, pool, driver, replica }: DatabaseEnv, hasCaFile: boolean): pulumi.Input<string> {
    const { alias } = runtime;
    if (part === "user" || part === "password" || part === "ca") return reference(alias, part);
    const pooled = pool === undefined ? undefined : postgres.pool(pool);
    const host = replica ? postgres.replicas[0]!.privateHost : (pooled?.privateHost ?? postgres.privateHost);
    const port = pooled === undefined ? reference(alias, "port") : pooled.port.apply(String);
    const name = pool ?? reference(alias, "name");
    if (part !== "url") return { host, port, name }[part];
    // asyncpg has no "sslmode": its parameter is "ssl", and it takes the certificate file from PGSSLROOTCERT only.
    const file = hasCaFile ? `&sslrootcert=${CA_FILE}` : "";
    const tls = driver?.includes("asyncpg") ? "ssl=verify-full" : `sslmode=verify-full${file}`;
    return pulumi.interpolate`${driver ?? "postgresql"}://${login(alias)}@${host}:${port}/${name}?${tls}`;
  }

  function storeValue(env: StoreEnv): pulumi.Input<string> {
    const store = storeOf(env);
    if (env.part === "url") return storeUrl(store, "keyspace" in env ? `/${system.keyspaces[env.keyspace]!.database}` : "");
    return env.part === "host" ? stores[store]!.privateHost : reference(store, env.part);
  }

  function storeUrl(store: string, path = ""): pulumi.Output<string> {
    return stores[store]!.privateHost.apply((host) => `rediss://${login(store)}@${host}:${reference(store, "port")}${path}`);
  }

  function jobWires(app: App): Wire[] {
    const wire = wireOf((variable) => readerOf(app, POST_DEPLOY_JOB, variable));
    return [
      wire(ADMIN_URL, bound(admin, "url"), postgresUrl(admin.alias)),
      wire(OWNER_URL, bound(owner, "url"), postgresUrl(owner.alias)),
      wire(POSTGRES_CA, bound(owner, "ca"), reference(owner.alias, "ca")),
      ...Object.keys(stores).flatMap((store) => [
        wire(storeVariable(store, "URL"), bound(storeBinding(store), "url"), storeUrl(store)),
        wire(storeVariable(store, "CA"), bound(storeBinding(store), "ca"), reference(store, "ca")),
      ]),
      ...(scheduled === undefined
        ? []
        : [wire(DATABASE_URL, bound(backup, "url"), postgresUrl(backup.alias)), ...repositoryWires(scheduled, wire)]),
    ];
  }

  function wireOf(reader: (variable: string) => Reader) {
    return (variable: string, source: Source, value: pulumi.Input<string>): Wire => ({
      ...{ source, value, scope: "RUN_TIME" },
      reader: reader(variable),
    });
  }

  /** The worker has no app of the product, so that none of its variables reach the product, and none of the product's reach it. */
  function workerWires(backups: ScheduledBackups): Wire[] {
    const app = workerName(system.name, stack.suffix);
    const wire = wireOf((variable) => ({ app, component: BACKUP_WORKER, variable }));
    return [
      wire(DATABASE_URL, bound(backup, "url"), postgresUrl(backup.alias)),
      wire(POSTGRES_CA, bound(backup, "ca"), reference(backup.alias, "ca")),
      ...durableStores().flatMap((store) => [
        wire(storeVariable(store, "URL"), bound(storeBinding(store), "url"), storeUrl(store)),
        wire(storeVariable(store, "CA"), bound(storeBinding(store), "ca"), reference(store, "ca")),
      ]),
      ...repositoryWires(backups, wire),
    ];
  }

  /** Where backups are stored, which keys decrypt them, and the key that signs them. */
  function repositoryWires({ schedule, copies, signingKey }: ScheduledBackups, wire: ReturnType<typeof wireOf>): Wire[] {
    const [primary, offsite] = copies;
    const copy = ({ url, key }: BackupCopy, place: "primary" | "offsite", urlName: string, keyName: string): Wire[] => [
      wire(urlName, {}, url),
      wire(keyName, { encrypted: true, secret: SECRET_NAME.backups(place) }, key),
    ];
    return [
      ...copy(primary!, "primary", BACKUP_VARIABLES.store, BACKUP_VARIABLES.storeKey),
      ...(offsite === undefined ? [] : copy(offsite, "offsite", BACKUP_VARIABLES.offsite, BACKUP_VARIABLES.offsiteKey)),
      wire(BACKUP_VARIABLES.recipients, {}, schedule.recipients.join(",")),
      ...(schedule.verifyKeys.length === 0 ? [] : [wire(BACKUP_VARIABLES.verifyKeys, {}, schedule.verifyKeys.join(","))]),
      wire(BACKUP_VARIABLES.signingKey, { encrypted: true, secret: SECRET_NAME.signingKey }, signingKey),
    ];
  }

  /** A cache may lose its keys, so it is not backed up. */
  function durableStores(): string[] {
    return Object.keys(stores).filter((store) => system.stores[store]!.class === "state");
  }

  function postgresUrl(alias: string): pulumi.Output<string> {
    const port = reference(alias, "port");
    return postgres.privateHost.apply((host) => `postgresql://${login(alias)}@${host}:${port}/${database}?sslmode=verify-full`);
  }
}

/** Only a URL and a password hold the secret of a login. */
function bound(binding: Binding, part: DatabasePart): Source {
  return { binding, part, ...(part === "url" || part === "password" ? { secret: binding.secret } : {}) };
}

function login(alias: string): string {
  return `${reference(alias, "user")}:${reference(alias, "password")}`;
}

const FIELD = { port: "PORT", name: "DATABASE", user: "USERNAME", password: "PASSWORD", ca: "CA_CERT" } as const;

/** A bindable reference: `${db.PASSWORD}`. */
function reference(alias: string, part: keyof typeof FIELD): string {
  return `\${${alias}.${FIELD[part]}}`;
}

/** The components of an app whose features are on in this stack. */
export function activeComponents(app: App, settings: SystemSettings): [name: string, Component][] {
  return Object.entries(app.components).filter(([, component]) => isActive(component, settings));
}

/** The job belongs to the app with the API: the new version of that component must not start before its tables exist. */
export function hasPostDeployJob({ components }: App, { postDeploy }: Settings): boolean {
  return postDeploy.mode === "job" && "api" in components;
}

/** Whether a component of the app reads the bucket in this stack. */
export function readsBucket(app: App, bucket: string, settings: SystemSettings): boolean {
  return activeComponents(app, settings).some(([, { env }]) =>
    Object.values(env).some((value) => value.from === "bucket" && value.bucket === bucket && isActive(value, settings)),
  );
}

function isActive({ feature }: { readonly feature?: string }, { features }: SystemSettings): boolean {
  return feature === undefined || features.has(feature);
}
