/**
 * The whole platform of one stack, created in this order so that no database is ever reachable from the internet and no app starts before its tables
 * exist: networks, clusters with their firewalls, databases, users and pools; roles, migrations and keyspaces; apps; then alerts and the project;
 * last, the deployment is verified.
 */

import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { findNode } from "../catalog/nodes.ts";
import { verifyLocalApi } from "../settings/local-api.ts";
import { checkDefinitions, isUnderEngine, readSettings, signingKeyOf } from "../settings/read.ts";
import { databaseUsers, type PostgresCluster, type Settings, type SystemSettings, type ValkeyCluster } from "../settings/settings.ts";
import type { AlertPolicy, System } from "../systems/definition.ts";
import { App } from "./app.ts";
import { appArgs } from "./app-args.ts";
import { workerArgs } from "./backup-worker.ts";
import { Backups } from "./backups.ts";
import { explainConflicts } from "./conflicts.ts";
import { declaredSecrets } from "./declared-secrets.ts";
import { endQuietlyWithEngine } from "./engine-loss.ts";
import { Monitoring, type MonitoringArgs, type WatchedDatabase, type WatchedEndpoint } from "./monitoring.ts";
import { child, PLATFORM } from "./names.ts";
import { Network } from "./network.ts";
import { planMetadata, stackOutputs } from "./outputs.ts";
import { checkFiles, filesOf } from "./postdeploy.ts";
import { Postgres, type PostgresArgs } from "./postgres.ts";
import { EnvMemory } from "./quiet.ts";
import { deploySystem, type SystemDeployment } from "./system.ts";
import { Valkey } from "./valkey.ts";
import { createVerification } from "./verification.ts";
import type { ScheduledBackups } from "./wiring.ts";

export interface PlatformArgs {
  /** What each product needs. The stack's config decides which of them it holds, and how large. */
  readonly systems: readonly System[];
}

/** Groups the resources of a stack and publishes what a plan says about all of them. */
class Platform extends pulumi.ComponentResource {
  constructor(name: string, opts: pulumi.ComponentResourceOptions) {
    super(PLATFORM, name, {}, opts);
  }

  publish(outputs: pulumi.Inputs): void {
    this.registerOutputs(outputs);
  }
}

/**
 * Creates the platform and returns the stack's outputs. Call it in a function that the program exports: Pulumi records no source lines for code at the
 * top level of a module. It is asynchronous because an app's variables must be known before they can be compared with those of the last `up`.
 */
export async function platform(args: PlatformArgs): Promise<Record<string, unknown>> {
  if (isUnderEngine()) endQuietlyWithEngine();
  const stack = readSettings(checkDefinitions(args.systems));
  await verifyLocalApi(stack);
  if (stack.postDeploy.mode === "runner" && isUnderEngine())
    await checkFiles(stack.systems.map(({ system: { name } }) => ({ system: name, ...filesOf(name) })));
  const memory = await EnvMemory.recall();
  const { project: name, suffix, protect, allowedSources: allow } = stack;
  // Everything in it is protected with it.
  const parent = new Platform(name, { protect, ...explainConflicts(stack.stack) });
  // A cluster that existed before this stack is protected in every environment, with everything in it.
  const isProtected = (adopt: string | undefined) => protect || adopt !== undefined;

  const networks = by("region", stack.networks, createNetwork);
  const postgres = by("key", stack.postgres.clusters, createPostgres);
  const valkey = by("key", stack.valkey.clusters, createValkey);
  const backups = stack.backups.enabled ? createBackups() : undefined;
  const addresses = new Map(appKeys(stack).map((key) => [key, pulumi.deferredOutput<string>()]));
  const addressOf = (app: string) => addresses.get(app)![0];
  const { schedule } = stack.backups;
  const scheduled = schedule && backups && { schedule, copies: backups.copies, signingKey: signingKeyOf(stack) };
  const shared = { stack, networks, postgres, valkey, parent, addressOf, scheduled };
  const deployments = stack.systems.map((settings) => deploySystem(settings, shared));
  parent.publish({ ...planMetadata(stack), secrets: declaredSecrets({ deployments, backups, scheduled }) });
  const apps = new Map(await Promise.all(deployments.flatMap(createApps)));
  for (const [key, [, resolve]] of addresses) resolve(apps.get(key)!.liveUrl);
  const workers = await Promise.all(
    deployments.flatMap((deployment) => (deployment.scheduled ? [createWorker(deployment, deployment.scheduled)] : [])),
  );
  const monitoring = deployments.map(createMonitoring);
  const last = [createSharedMonitoring(), createProject()];
  if (stack.verify !== "off")
    for (const [index, deployment] of deployments.entries()) verifyDeployment(deployment, [monitoring[index], ...last]);
  return { ...stackOutputs({ postgres, valkey, deployments, apps, backups, scheduled }), sentVariables: memory.output };

  function createNetwork({ region, cidr, existing }: Settings["networks"][number]): Network {
    return new Network(`${name}-${region}${suffix}`, existing === undefined ? { region, cidr } : { existing }, { parent });
  }

  function createPostgres(cluster: PostgresCluster): Postgres {
    const { key, kept, region, major, size, nodes, replicas, storageMiB, autoscale, adopt, maintenance } = cluster;
    const tenants = stack.systems.filter((settings) => settings.cluster === key);
    const former = stack.systems.filter(({ system }) => kept.includes(system.name));
    return new Postgres(
      `${key}-postgres${suffix}`,
      {
        network: networks.get(region)!,
        ...{ region, major, size, nodes, maintenance, allow },
        protect: isProtected(adopt),
        databases: Object.fromEntries([
          ...tenants.map((tenant) => [tenant.system.postgres.database, databaseArgs(tenant)]),
          ...former.map((tenant) => [tenant.system.postgres.database, { users: databaseUsers(tenant) }]),
        ]),
        config: postgresConfig(
          cluster,
          [...tenants, ...former].map(({ system }) => system),
        ),
        replicas: replicas.map((replica) => ({ ...replica, ...networkIn(replica.region) })),
        ...(storageMiB === undefined ? {} : { storageMiB }),
        ...(autoscale === undefined ? {} : { autoscale }),
        ...adoption(cluster, [...tenants, ...former]),
      },
      { parent },
    );
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
        protect: isProtected(adopt),
        ...(adopt === undefined ? {} : { adopt }),
      },
      { parent },
    );
  }

  function createBackups(): Backups {
    const { region, offsiteRegion, bucketPrefix } = stack.backups;
    return new Backups(
      `${name}-backups`,
      { region, offsiteRegion, bucketName: `${bucketPrefix}${suffix}`, protect, rotated: stack.keysRotated },
      { parent },
    );
  }

  function createApps(deployment: SystemDeployment): Promise<readonly [string, App]>[] {
    const { settings, postgres, stores, postDeploy } = deployment;
    const dependsOn = [postgres, ...Object.values(stores), ...(postDeploy === undefined ? [] : [postDeploy])];
    return Object.keys(settings.system.apps).map(async (key) => {
      const appName = `${settings.system.name}-${key}`;
      const args = appArgs(key, deployment);
      const quiet = await memory.compare(appName, args, { parent });
      return [`${settings.system.name}/${key}`, new App(appName, { ...args, quiet }, { parent, dependsOn })] as const;
    });
  }

  async function createWorker(deployment: SystemDeployment, { schedule }: ScheduledBackups): Promise<App> {
    const { postgres, stores, postDeploy } = deployment;
    const appName = `${deployment.settings.system.name}-backups`;
    const args = workerArgs(deployment, schedule);
    const quiet = await memory.compare(appName, args, { parent });
    // The roles step lets its role read everything.
    const dependsOn = [postgres, ...Object.values(stores), ...(postDeploy === undefined ? [] : [postDeploy])];
    return new App(appName, { ...args, quiet }, { parent, dependsOn });
  }

  /** Last, so that a deployment that fails here is complete. */
  function verifyDeployment(deployment: SystemDeployment, before: readonly (pulumi.Resource | undefined)[]): void {
    const { system } = deployment.settings;
    const own = Object.fromEntries(Object.keys(system.apps).map((key) => [key, apps.get(`${system.name}/${key}`)!]));
    const dependsOn = [...Object.values(own), ...before].filter((resource) => resource !== undefined);
    createVerification(deployment, own, { parent, dependsOn });
  }

  function createMonitoring({ settings, secrets }: SystemDeployment): Monitoring | undefined {
    const { system, operatorSecrets } = settings;
    const { slack, emails } = system.alerts;
    // A local stack sends no alerts unless it names a recipient.
    if (stack.environment === "local" && stack.alertEmails.length + emails.length === 0) return undefined;
    const webhook = slack !== undefined && slack.webhook in operatorSecrets ? secrets.value(slack.webhook) : undefined;
    return monitor(system.name, [system.alerts], {
      ...(webhook === undefined ? {} : { slack: { channel: slack!.channel, url: webhook } }),
      databases: watched((systems) => systems.length === 1 && systems[0] === system.name),
      uptime: endpointsOf(settings),
    });
  }

  /** A cluster of several systems has one set of alerts, which goes to the recipients of every system. */
  function createSharedMonitoring(): Monitoring | undefined {
    const databases = watched((systems) => systems.length > 1);
    if (databases.length === 0) return undefined;
    return monitor(
      "shared",
      stack.systems.map(({ system }) => system.alerts),
      { databases, uptime: [] },
    );
  }

  function monitor(
    owner: string,
    policies: readonly AlertPolicy[],
    what: Pick<MonitoringArgs, "slack" | "databases" | "uptime">,
  ): Monitoring {
    const lowest = (limit: "cpu" | "memory" | "disk") => Math.min(...policies.map((policy) => policy[limit]));
    const emails = [...stack.alertEmails, ...policies.flatMap((policy) => policy.emails)];
    const limits = { cpu: lowest("cpu"), memory: lowest("memory"), disk: lowest("disk") };
    return new Monitoring(`${owner}-monitoring${suffix}`, { emails, ...what, ...limits }, { parent });
  }

  function watched(isWatched: (systems: readonly string[]) => boolean): WatchedDatabase[] {
    // Also while a database is kept on it, so that a system that leaves changes no other alerts.
    const pg = stack.postgres.clusters.filter(({ systems, kept }) => isWatched([...systems, ...kept]));
    const stores = stack.valkey.clusters.filter((cluster) => isWatched(systemsOf(cluster)));
    return [
      ...pg.map(({ key }) => ({ name: `${key}-postgres`, id: postgres.get(key)!.id, engine: "pg" as const })),
      ...stores.map(({ key }) => ({ name: `${key}-valkey`, id: valkey.get(key)!.id, engine: "valkey" as const })),
    ];
  }

  function endpointsOf({ system, domains }: SystemSettings): WatchedEndpoint[] {
    return Object.entries(system.apps).flatMap(([key, { components }]) =>
      Object.entries(components).flatMap(([component, it]) => {
        if (it.kind !== "service" || it.feature !== undefined) return [];
        const { path } = it.health;
        const { liveUrl } = apps.get(`${system.name}/${key}`)!;
        const target = domains[key] === undefined ? liveUrl.apply((url) => `${url}${path}`) : `https://${domains[key]}${path}`;
        return [{ name: component, target, latencyMs: system.alerts.latency }];
      }),
    );
  }

  /** Assigned by reference: `projectId` on a cluster or an app would replace it when the project changes. */
  function createProject(): pulumi.Resource {
    const clusters = [...postgres.values(), ...valkey.values()];
    const buckets = deployments.flatMap((deployment) => Object.values(deployment.buckets));
    const project = new digitalocean.Project(
      child(name, "project"),
      {
        name: `${name}${suffix}`,
        description: `Stack ${stack.stack}: ${stack.systems.map(({ system }) => system.title).join(", ")}`,
        purpose: "Web Application",
        environment: { local: "Development", staging: "Staging", prod: "Production" }[stack.environment],
      },
      // Deleted before its resources: the provider moves every resource that the project ever held to the default project, and fails on deleted ones.
      { parent, dependsOn: [...clusters, ...buckets, ...apps.values(), ...workers, ...(backups === undefined ? [] : [backups])] },
    );
    const urns = [
      ...clusters.map(({ clusterUrn }) => clusterUrn),
      ...[...apps.values(), ...workers].map(({ appUrn }) => appUrn),
      ...buckets.map(({ bucketUrn }) => bucketUrn),
      ...(backups?.bucketUrns ?? []),
    ];
    return new digitalocean.ProjectResources(child(name, "project-resources"), { project: project.id, resources: urns }, { parent });
  }
}

/** "system/app" */
function appKeys({ systems }: Settings): string[] {
  return systems.flatMap(({ system }) => Object.keys(system.apps).map((app) => `${system.name}/${app}`));
}

/** A change of a pool's user would replace the pool, so a pool of a rotated role admits both of its users. */
function databaseArgs(settings: SystemSettings): PostgresArgs["databases"][string] {
  const { system, connections, credentials } = settings;
  const { roles, pools } = system.postgres;
  const user = credentials.runtime === undefined ? { user: roles.runtime } : {};
  return {
    users: databaseUsers(settings),
    pools: Object.fromEntries(
      Object.entries(pools).map(([pool, { mode, wish }]) => [pool, { ...user, size: connections[pool] ?? wish, mode }]),
    ),
  };
}

/** What exists in an adopted cluster: never the second user of a role, which only a rotation creates. */
function adoption({ adopt, adoptOnly }: PostgresCluster, tenants: readonly SystemSettings[]): Pick<PostgresArgs, "adopt"> {
  if (adopt === undefined) return {};
  if (adoptOnly !== undefined) return { adopt: { cluster: adopt, ...adoptOnly } };
  if (tenants.every(({ credentials }) => Object.keys(credentials).length === 0)) return { adopt };
  const needs = tenants.map(({ system }) => system.postgres);
  return {
    adopt: {
      cluster: adopt,
      databases: needs.map(({ database }) => database),
      users: needs.flatMap(({ roles }) => Object.values(roles)),
      pools: needs.flatMap(({ pools }) => Object.keys(pools)),
    },
  };
}

/** A server with several tenants takes the strictest value of each setting. */
function postgresConfig({ size }: PostgresCluster, tenants: readonly System[]): NonNullable<PostgresArgs["config"]> {
  const slow = tenants.flatMap(({ postgres: { slowStatementMs } }) => (slowStatementMs === undefined ? [] : [slowStatementMs]));
  const buffers = tenants.reduce((sum, { postgres: { sizing } }) => sum + (sizing?.sharedBuffersMiB ?? 0), 0);
  return {
    // No backupMinute: the provider does not send a 0.
    backupHour: Math.min(...tenants.map(({ backups }) => backups.postgres.hourUtc)),
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

function by<K extends string, T extends Record<K, string>, R>(key: K, list: readonly T[], create: (item: T) => R): Map<string, R> {
  return new Map(list.map((item) => [item[key], create(item)]));
}
