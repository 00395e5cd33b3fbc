/**
 * The whole platform of one stack, in the order that keeps doors shut:
 * network, clusters with their firewalls, databases and users and pools, roles and migrations and keyspaces, apps, and last what watches them.
 */

import * as pulumi from "@pulumi/pulumi";
import { findNode } from "../catalog/nodes.ts";
import { operatorSecret } from "../settings/read.ts";
import type { PostgresCluster, Settings, SystemSettings, ValkeyCluster } from "../settings/settings.ts";
import type { System } from "../systems/definition.ts";
import { App } from "./app.ts";
import { Backups } from "./backups.ts";
import { declaredSecrets } from "./declared.ts";
import * as digitalocean from "./digitalocean.ts";
import { Monitoring, type WatchedDatabase, type WatchedEndpoint } from "./monitoring.ts";
import { child, PLATFORM } from "./names.ts";
import { Network } from "./network.ts";
import { outputsOf, told } from "./outputs.ts";
import { PostDeploy } from "./postdeploy.ts";
import { Postgres } from "./postgres.ts";
import { ADMIN } from "./postgres-args.ts";
import type { EnvMemory } from "./quiet.ts";
import { Secrets } from "./secrets.ts";
import { Valkey } from "./valkey.ts";
import { appArgs, type Wires } from "./wiring.ts";

/** One system in its berth: everything that its apps need stands. */
export interface Berth {
  readonly settings: SystemSettings;
  readonly postgres: Postgres;
  readonly stores: Readonly<Record<string, Valkey>>;
  readonly secrets: Secrets;
  /** Absent where a job or a person does the work. */
  readonly postDeploy: PostDeploy | undefined;
  readonly wires: Wires;
}

export class Platform extends pulumi.ComponentResource {
  readonly #name: string;
  readonly #settings: Settings;
  readonly networks: ReadonlyMap<string, Network>;
  readonly postgres: ReadonlyMap<string, Postgres>;
  readonly valkey: ReadonlyMap<string, Valkey>;
  readonly backups: Backups | undefined;
  readonly berths: readonly Berth[];
  /** By "system/app", once they are launched. */
  readonly apps: Map<string, App> = new Map();

  constructor(name: string, settings: Settings, opts?: pulumi.ComponentResourceOptions) {
    super(PLATFORM, name, {}, opts);
    const parent = this;
    const { suffix, protect, allowedSources: allow } = settings;
    this.#name = name;
    this.#settings = settings;

    const networks = by("region", settings.networks, createNetwork);
    const postgres = by("key", settings.postgres.clusters, createPostgres);
    const valkey = by("key", settings.valkey.clusters, createValkey);
    this.networks = networks;
    this.postgres = postgres;
    this.valkey = valkey;
    this.backups = settings.backups.enabled ? createBackups() : undefined;
    this.berths = settings.systems.map(createBerth);
    this.registerOutputs({ ...told(settings.systems.map(({ system }) => system)), secrets: declaredSecrets(this) });

    function createNetwork({ region, cidr, existing }: Settings["networks"][number]): Network {
      return new Network(`${name}-${region}${suffix}`, existing === undefined ? { region, cidr } : { existing }, { parent });
    }

    function createPostgres(cluster: PostgresCluster): Postgres {
      const { key, region, major, size, nodes, replicas, storageMiB, autoscale, adopt, adoptOnly, maintenance } = cluster;
      const tenants = settings.systems.filter(({ cluster: on }) => on === key);
      return new Postgres(
        `${key}-postgres${suffix}`,
        {
          network: networks.get(region)!,
          ...{ region, major, size, nodes, maintenance, allow },
          protect: isKept(adopt),
          databases: Object.fromEntries(tenants.map((tenant) => [tenant.system.postgres.database, databaseOf(tenant)])),
          config: postgresConfig(
            cluster,
            tenants.map(({ system }) => system),
          ),
          replicas: replicas.map((replica) => ({ ...replica, ...networkIn(replica.region) })),
          ...(storageMiB === undefined ? {} : { storageMiB }),
          ...(autoscale === undefined ? {} : { autoscale }),
          ...(adopt === undefined ? {} : { adopt: adoptOnly === undefined ? adopt : { cluster: adopt, ...adoptOnly } }),
        },
        { parent },
      );
    }

    /** What stood before this stack is not this stack's to destroy, wherever it is. */
    function isKept(adopt: string | undefined): boolean {
      return protect || adopt !== undefined;
    }

    function networkIn(region: string): { network?: Network } {
      const network = networks.get(region);
      return network === undefined ? {} : { network };
    }

    function createValkey({ key, class: kind, region, size, nodes, version, databases, adopt, maintenance }: ValkeyCluster): Valkey {
      return new Valkey(
        `${key}-valkey${suffix}`,
        {
          network: networks.get(region)!,
          class: kind,
          ...{ region, size, nodes, version, databases, maintenance, allow },
          protect: isKept(adopt),
          ...(adopt === undefined ? {} : { adopt }),
        },
        { parent },
      );
    }

    function createBackups(): Backups {
      const { region, offsiteRegion, bucketPrefix } = settings.backups;
      return new Backups(`${name}-backups`, { region, offsiteRegion, bucketName: `${bucketPrefix}${suffix}`, protect }, { parent });
    }

    function createBerth(berthed: SystemSettings): Berth {
      const { system } = berthed;
      const cluster = postgres.get(berthed.cluster)!;
      const stores = Object.fromEntries(Object.entries(berthed.stores).map(([store, key]) => [store, valkey.get(key)!]));
      const secrets = createSecrets(berthed);
      const postDeploy = settings.postDeploy.mode === "runner" ? createPostDeploy(system, cluster, stores) : undefined;
      const wires: Wires = {
        settings: berthed,
        suffix,
        vpc: networks.get(berthed.region)!.id,
        postDeploy: settings.postDeploy,
        ...{ postgres: cluster, stores, secrets },
      };
      return { settings: berthed, postgres: cluster, stores, secrets, postDeploy, wires };
    }

    function createSecrets({ system, operatorSecrets, rotated }: SystemSettings): Secrets {
      const generated = Object.entries(system.secrets).flatMap(([secret, it]) =>
        it.origin === "generated" ? [[secret, { length: it.length }] as const] : [],
      );
      const operator = Object.keys(operatorSecrets).map((secret) => [secret, operatorSecret(settings, system.name, secret)] as const);
      return new Secrets(
        `${system.name}-secrets`,
        { generated: Object.fromEntries(generated), operator: Object.fromEntries(operator), rotated },
        { parent },
      );
    }

    function createPostDeploy(system: System, cluster: Postgres, stores: Readonly<Record<string, Valkey>>): PostDeploy {
      const { database, schemas, extensions, roles, statementTimeoutSeconds } = system.postgres;
      const seeded = Object.entries(stores).filter(([store]) =>
        Object.values(system.keyspaces).some((keyspace) => keyspace.store === store),
      );
      return new PostDeploy(
        `${system.name}-post-deploy`,
        {
          system: system.name,
          postgres: {
            ...{ database, schemas, extensions, roles, statementTimeoutSeconds },
            adminUrl: cluster.url(database, ADMIN),
            ownerUrl: cluster.url(database, roles.owner),
            ca: cluster.ca,
            migrations: `sql/${system.name}`,
          },
          ...(seeded.length === 0
            ? {}
            : {
                keyspaces: {
                  folder: `keyspaces/${system.name}`,
                  stores: Object.fromEntries(
                    seeded.map(([store, it]) => [store, { url: it.url(0), ca: it.ca, class: system.stores[store]!.class }]),
                  ),
                },
              }),
        },
        // Users, databases and firewalls stand before anything connects.
        { parent, dependsOn: [cluster, ...Object.values(stores)] },
      );
    }
  }

  /** Starts the apps. It waits for their variables, because only a known list can be compared with what the last `up` sent. */
  async launch(memory: EnvMemory): Promise<void> {
    const parent = this;
    const settings = this.#settings;
    const name = this.#name;
    const { apps, berths, postgres, valkey, backups } = this;

    const launched = await Promise.all(
      berths.flatMap((berth) => Object.keys(berth.settings.system.apps).map((key) => createApp(berth, key))),
    );
    for (const [key, app] of launched) apps.set(key, app);
    for (const berth of berths) createMonitoring(berth);
    createSharedMonitoring();
    createProject();

    async function createApp(berth: Berth, key: string): Promise<readonly [string, App]> {
      const { system } = berth.settings;
      const appName = `${system.name}-${key}`;
      const args = appArgs(key, system.apps[key]!, berth.wires);
      const quiet = await memory.compare(appName, args, { parent });
      const before = [berth.postgres, ...Object.values(berth.stores), ...(berth.postDeploy === undefined ? [] : [berth.postDeploy])];
      return [`${system.name}/${key}`, new App(appName, { ...args, quiet }, { parent, dependsOn: before })];
    }

    function createMonitoring({ settings: berthed, secrets }: Berth): void {
      const { system } = berthed;
      // Nobody is woken for a laptop.
      if (settings.environment === "local" && settings.alertEmails.length + system.alerts.emails.length === 0) return;
      const { cpu, memory: memoryPercent, disk, slack, emails } = system.alerts;
      const webhook = slack !== undefined && slack.webhook in berthed.operatorSecrets ? secrets.value(slack.webhook) : undefined;
      new Monitoring(
        `${system.name}-monitoring${settings.suffix}`,
        {
          emails: [...settings.alertEmails, ...emails],
          ...(webhook === undefined ? {} : { slack: { channel: slack!.channel, url: webhook } }),
          databases: watched((systems) => systems.length === 1 && systems[0] === system.name),
          uptime: endpointsOf(berthed),
          ...{ cpu, memory: memoryPercent, disk },
        },
        { parent },
      );
    }

    /** A cluster with several tenants is everybody's: one set of alerts, sent to all. */
    function createSharedMonitoring(): void {
      const databases = watched((systems) => systems.length > 1);
      const policies = settings.systems.map(({ system }) => system.alerts);
      if (databases.length === 0) return;
      const lowest = (of: (policy: System["alerts"]) => number) => Math.min(...policies.map(of));
      new Monitoring(
        `shared-monitoring${settings.suffix}`,
        {
          emails: [...settings.alertEmails, ...policies.flatMap(({ emails }) => emails)],
          databases,
          uptime: [],
          ...{ cpu: lowest(({ cpu }) => cpu), memory: lowest(({ memory: limit }) => limit), disk: lowest(({ disk }) => disk) },
        },
        { parent },
      );
    }

    function watched(by: (systems: readonly string[]) => boolean): WatchedDatabase[] {
      const pg = settings.postgres.clusters.filter(({ systems }) => by(systems));
      const stores = settings.valkey.clusters.filter((cluster) => by(systemsOf(cluster)));
      return [
        ...pg.map(({ key }) => ({ name: `${key}-postgres`, id: postgres.get(key)!.id, engine: "pg" as const })),
        ...stores.map(({ key }) => ({ name: `${key}-valkey`, id: valkey.get(key)!.id, engine: "valkey" as const })),
      ];
    }

    function endpointsOf({ system, domains }: SystemSettings): WatchedEndpoint[] {
      return Object.entries(system.apps).flatMap(([key, app]) =>
        Object.entries(app.components).flatMap(([component, it]) => {
          const launchedApp = apps.get(`${system.name}/${key}`);
          if (it.kind !== "service" || it.feature !== undefined || launchedApp === undefined) return [];
          const { path } = it.health;
          const target =
            domains[key] === undefined ? launchedApp.liveUrl.apply((url) => `${url}${path}`) : `https://${domains[key]}${path}`;
          return [{ name: component, target, latencyMs: system.alerts.latency }];
        }),
      );
    }

    /** Assigned by reference: `projectId` on a cluster or an app would replace it when the project changes. */
    function createProject(): void {
      const { environment, suffix } = settings;
      const project = new digitalocean.Project(
        child(name, "project"),
        {
          name: `${name}${suffix}`,
          description: `Stack ${settings.stack}: ${settings.systems.map(({ system }) => system.title).join(", ")}`,
          purpose: "Web Application",
          environment: { local: "Development", staging: "Staging", prod: "Production" }[environment],
        },
        // Deleting a project first moves all that it was ever seen to hold to the default one, and fails on what is gone: so it goes first.
        { parent, dependsOn: [...postgres.values(), ...valkey.values(), ...apps.values(), ...(backups === undefined ? [] : [backups])] },
      );
      const urns = [
        ...[...postgres.values(), ...valkey.values()].map(({ clusterUrn }) => clusterUrn),
        ...[...apps.values()].map(({ appUrn }) => appUrn),
        ...(backups?.bucketUrns ?? []),
      ];
      new digitalocean.ProjectResources(child(name, "project-resources"), { project: project.id, resources: urns }, { parent });
    }
  }

  get outputs(): Record<string, unknown> {
    return outputsOf(this);
  }
}

function databaseOf({ system, connections }: SystemSettings) {
  const { roles, pools } = system.postgres;
  return {
    users: Object.values(roles),
    pools: Object.fromEntries(
      Object.entries(pools).map(([pool, { mode, wish }]) => [pool, { user: roles.runtime, size: connections[pool] ?? wish, mode }]),
    ),
  };
}

/** One server for several tenants takes the strictest wish of each kind. */
function postgresConfig(
  { size }: PostgresCluster,
  tenants: readonly System[],
): NonNullable<ConstructorParameters<typeof Postgres>[1]["config"]> {
  const slow = tenants.flatMap(({ postgres: { slowStatementMs } }) => (slowStatementMs === undefined ? [] : [slowStatementMs]));
  const buffers = tenants.reduce((sum, { postgres: { sizing } }) => sum + (sizing?.sharedBuffersMiB ?? 0), 0);
  const hour = Math.min(...tenants.map(({ backups }) => backups.postgres.hourUtc));
  return {
    // The minute stays DigitalOcean's own: the provider leaves a 0 out of what it sends.
    backupHour: hour,
    ...(slow.length === 0 ? {} : { logMinDurationStatement: Math.min(...slow) }),
    // DigitalOcean takes a share between 20 and 60 per cent of the node's memory.
    ...(buffers === 0
      ? {}
      : { sharedBuffersPercentage: Math.min(60, Math.max(20, Math.ceil((100 * buffers) / (1024 * findNode(size)!.memoryGiB)))) }),
  };
}

function systemsOf({ stores }: ValkeyCluster): string[] {
  return [...new Set(stores.map((store) => store.slice(0, store.indexOf("/"))))];
}

function by<K extends string, T extends Record<K, string>, R>(key: K, list: readonly T[], create: (one: T) => R): Map<string, R> {
  return new Map(list.map((one) => [one[key], create(one)]));
}
