/** Everything that the apps of one system need: its clusters, its buckets, its secrets, its post-deploy steps, and the wiring of every variable. */
import { hash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import { operatorSecret } from "../settings/read.ts";
import { activeUser, ROLE_KINDS, type Settings, type SystemSettings } from "../settings/settings.ts";
import { Bucket } from "./bucket.ts";
import type { Network } from "./network.ts";
import { type BackupBefore, filesOf, PostDeploy } from "./postdeploy.ts";
import type { Postgres } from "./postgres.ts";
import { ADMIN } from "./postgres-args.ts";
import { Secrets } from "./secrets.ts";
import type { Valkey } from "./valkey.ts";
import { activeComponents, readsBucket, resolveWiring, type ScheduledBackups, type SystemResources, type Wire } from "./wiring.ts";

export interface SystemDeployment extends SystemResources {
  readonly network: Network;
  /** Absent if a job or an operator applies migrations and keyspaces. */
  readonly postDeploy: PostDeploy | undefined;
  readonly wiring: readonly Wire[];
}

/** What the systems of a stack share. */
export interface Shared {
  readonly stack: Settings;
  readonly networks: ReadonlyMap<string, Network>;
  readonly postgres: ReadonlyMap<string, Postgres>;
  readonly valkey: ReadonlyMap<string, Valkey>;
  readonly parent: pulumi.Resource;
  /** The address of an app by "system/app". Apps are created later, because they need what a system has. */
  readonly addressOf: (app: string) => pulumi.Output<string>;
  /** Absent where nothing makes backups. */
  readonly scheduled: ScheduledBackups | undefined;
}

export function deploySystem(
  settings: SystemSettings,
  { stack, networks, postgres: clusters, valkey, parent, addressOf, scheduled }: Shared,
): SystemDeployment {
  const { system } = settings;
  const network = networks.get(settings.region)!;
  const postgres = clusters.get(settings.cluster)!;
  const stores = Object.fromEntries(Object.entries(settings.stores).map(([store, key]) => [store, valkey.get(key)!]));
  const buckets = Object.fromEntries(Object.keys(settings.buckets).map((bucket) => [bucket, createBucket(bucket)]));
  const secrets = createSecrets();
  const postDeploy = stack.postDeploy.mode === "runner" ? createPostDeploy() : undefined;
  const resources = { stack, settings, postgres, stores, buckets, secrets, scheduled };
  return { ...resources, network, postDeploy, wiring: resolveWiring(resources) };

  function createBucket(key: string): Bucket {
    const { cors, cdn = false, deletedKeptDays } = system.buckets![key]!;
    const { region, name: bucketName } = settings.buckets[key]!;
    const readers = Object.entries(system.apps).filter(([, app]) => readsBucket(app, key, settings));
    const origins = readers.map(([app]) => originOf(app));
    return new Bucket(
      `${system.name}-${key}${stack.suffix}`,
      {
        ...{ region, bucketName, cdn, protect: stack.protect, rotated: stack.keysRotated },
        ...(cors === undefined || origins.length === 0 ? {} : { cors: { origins, methods: cors.methods } }),
        ...(deletedKeptDays === undefined ? {} : { deletedKeptDays }),
      },
      { parent },
    );
  }

  function originOf(app: string): pulumi.Input<string> {
    const domain = settings.domains[app];
    return domain === undefined ? addressOf(`${system.name}/${app}`) : `https://${domain}`;
  }

  function createSecrets(): Secrets {
    const { operatorSecrets, rotated } = settings;
    const generated = Object.entries(system.secrets).flatMap(([secret, it]) =>
      it.origin === "generated" ? [[secret, { length: it.length }] as const] : [],
    );
    const operator = Object.keys(operatorSecrets).map((secret) => [secret, operatorSecret(stack, system.name, secret)] as const);
    return new Secrets(
      `${system.name}-secrets`,
      { generated: Object.fromEntries(generated), operator: Object.fromEntries(operator), rotated },
      { parent },
    );
  }

  function createPostDeploy(): PostDeploy {
    const { database, schemas, extensions, roles, statementTimeoutSeconds } = system.postgres;
    const files = filesOf(system.name);
    const seeded = new Set(Object.values(system.keyspaces).map(({ store }) => store));
    const connections = Object.entries(stores)
      .filter(([store]) => seeded.has(store))
      .map(([store, it]) => [store, { url: it.url(0), ca: it.ca, class: system.stores[store]!.class }] as const);
    return new PostDeploy(
      `${system.name}-post-deploy`,
      {
        system: system.name,
        postgres: {
          ...{ database, schemas, extensions, roles, statementTimeoutSeconds },
          adminUrl: postgres.url(database, ADMIN),
          ownerUrl: postgres.url(database, activeUser(settings, "owner")),
          // Of the users that are used: the password of the other one changes without a consequence.
          credentials: ROLE_KINDS.map((kind) => postgres.url(database, activeUser(settings, kind))),
          ca: postgres.ca,
          migrations: files.migrations,
        },
        ...(scheduled === undefined ? {} : { backup: backupBefore(scheduled) }),
        ...(connections.length === 0 ? {} : { keyspaces: { folder: files.keyspaces, stores: Object.fromEntries(connections) } }),
      },
      // Users, databases and firewalls exist before anything connects.
      { parent, dependsOn: [postgres, ...Object.values(stores)] },
    );
  }
  function backupBefore({ schedule: { recipients, verifyKeys, maxAgeHours }, copies, signingKey }: ScheduledBackups): BackupBefore {
    const durable = Object.entries(stores).filter(([store]) => system.stores[store]!.class === "state");
    return {
      url: postgres.url(system.postgres.database, activeUser(settings, "backup")),
      stores: Object.fromEntries(durable.map(([store, it]) => [store, { url: it.url(0), ca: it.ca }])),
      ...{ copies, recipients, verifyKeys, signingKey, maxAgeHours, applications: applicationsDigest() },
    };
  }

  /** What of the applications can change data: what is built, what it runs, and the phase. Not its size. */
  function applicationsDigest(): string {
    const components = Object.values(system.apps).flatMap((app) => activeComponents(app, settings));
    const built = components.map(([name, { source }]) => [name, source, settings.repos[name]]);
    return hash("sha256", JSON.stringify([built, settings.phase]));
  }
}
