/**
 * From a system's definition to the app that runs it: each variable becomes the reference, the secret or the plain value that it stands for.
 *
 * Credentials of databases are bindable references: App Platform fills them in when a container starts, so no copy of a password is in the
 * program, the state or the spec. The host is the cluster's private one, because the bindable URL names the public one even inside a VPC.
 */
import * as pulumi from "@pulumi/pulumi";
import { instanceSize } from "../catalog/instances.ts";
import type { PostDeploySettings, SystemSettings } from "../settings/settings.ts";
import { PHASES } from "../settings/settings.ts";
import type { App, Component, Env } from "../systems/definition.ts";
import type { AppArgs, AppComponent, AppDatabase, AppEnv, ComponentAlert } from "./appspec.ts";
import { imageSource } from "./image.ts";
import type { Postgres } from "./postgres.ts";
import type { Secrets } from "./secrets.ts";
import type { Valkey } from "./valkey.ts";

export interface Wires {
  readonly settings: SystemSettings;
  /** Account-wide names end in it: "" in production. */
  readonly suffix: string;
  readonly vpc: pulumi.Input<string>;
  readonly postDeploy: PostDeploySettings;
  readonly postgres: Postgres;
  /** By store name. */
  readonly stores: Readonly<Record<string, Valkey>>;
  readonly secrets: Secrets;
}

/** The alias of the runtime role's database in bindable references. */
const DATABASE = "db";

/** Where a container keeps the clusters' certificates. */
const CA_FILE = "/tmp/slipway-ca.pem";

type Variables = Readonly<Record<string, Env>>;
type StoreEnv = Extract<Env, { from: "store" }>;

export function appArgs(key: string, app: App, wires: Wires): AppArgs {
  const { settings, suffix } = wires;
  const domain = settings.domains[key];
  const components = Object.fromEntries(
    Object.entries(app.components)
      .filter(([, component]) => isOn(component.feature, settings))
      .map(([name, component]) => [name, componentArgs(name, component, wires)]),
  );
  // Beside the API, because that is the component whose new version must not start before its tables are there.
  const withJob = wires.postDeploy.mode === "job" && "api" in app.components;
  return {
    appName: `${app.name}${suffix}`,
    region: settings.appRegion,
    vpc: wires.vpc,
    databases: databases(app, withJob, wires),
    components: withJob ? { ...components, "post-deploy": postDeployJob(wires) } : components,
    ...(domain === undefined ? {} : { domain }),
  };
}

function componentArgs(name: string, component: Component, wires: Wires): AppComponent {
  const read = Object.fromEntries(Object.entries(component.env).filter(([, value]) => isPresent(value, wires)));
  const env = Object.fromEntries(Object.entries(read).map(([variable, value]) => [variable, envArgs(name, variable, value, read, wires)]));
  const from = { env, ...source(name, component, read, wires.settings) };
  switch (component.kind) {
    case "site":
      return { kind: "site", ...from, outputDir: component.outputDir, routes: component.routes };
    case "service": {
      const { path, everySeconds, timeoutSeconds, failures } = component.health;
      return {
        kind: "service",
        ...from,
        ...sized(name, component, wires),
        port: component.port,
        health: { path, everySeconds, timeoutSeconds, failures },
        routes: component.routes,
      };
    }
    case "worker":
      return { kind: "worker", ...from, ...sized(name, component, wires) };
    case "job":
      return { kind: "job", ...from, ...sized(name, component, wires), when: component.when };
  }
}

function source(name: string, component: Component, read: Variables, settings: SystemSettings) {
  const { repo, branch, dir, environment, deployOnPush, buildCommand } = component.source;
  const runCommand = withCaFile(component, read);
  return {
    github: { repo, branch, ...settings.repos[name], deployOnPush },
    dir,
    environment,
    ...(buildCommand === undefined ? {} : { buildCommand }),
    ...(runCommand === undefined ? {} : { runCommand }),
  };
}

function sized(name: string, component: { size: string; instances: number; memoryAlertMiB?: number }, { settings }: Wires) {
  const { size, instances } = settings.sizes[name] ?? component;
  const alerts: ComponentAlert[] = [
    { rule: "CPU_UTILIZATION", above: settings.system.alerts.cpu, window: "TEN_MINUTES" },
    { rule: "MEM_UTILIZATION", above: memoryPercent(size, component.memoryAlertMiB, settings.system.alerts.memory), window: "TEN_MINUTES" },
    { rule: "RESTART_COUNT", above: settings.system.alerts.restartsPerHour, window: "ONE_HOUR" },
  ];
  return { size, instances, alerts };
}

/** Products say MiB, App Platform takes per cent of the instance. */
function memoryPercent(size: string, memoryAlertMiB: number | undefined, otherwise: number): number {
  if (memoryAlertMiB === undefined) return otherwise;
  return Math.min(95, Math.max(1, Math.round((100 * memoryAlertMiB) / instanceSize(size).memoryMiB)));
}

/** App Platform mounts no files: the certificates come as variables and are written down before the program starts. */
function withCaFile({ source: { runCommand } }: Component, read: Variables): string | undefined {
  if (runCommand === undefined || !hasCaFile(read)) return runCommand;
  const certificates = Object.entries(read).flatMap(([variable, env]) => ("part" in env && env.part === "ca" ? [`"$${variable}"`] : []));
  return `printf '%s\\n' ${certificates.join(" ")} > ${CA_FILE} && ${inPlace(runCommand)}`;
}

/** The program takes the shell's place, so that App Platform's signals reach it; what is more than one program needs the shell. */
export function inPlace(command: string): string {
  return /[;&|<>()`\n]|^\s*\w+=/.test(command) ? command : `exec ${command}`;
}

function hasCaFile(read: Variables): boolean {
  return Object.values(read).some((env) => env.from === "caFile");
}

function envArgs(component: string, variable: string, env: Env, read: Variables, wires: Wires): AppEnv {
  const { scope } = env;
  switch (env.from) {
    case "plain":
      return { value: env.value, scope };
    case "database":
      return { value: databaseValue(env, hasCaFile(read), wires), scope };
    case "caFile":
      return { value: CA_FILE, scope };
    case "setting":
      return { value: wires.settings.operatorSettings[env.setting]!, scope };
    case "store":
      return { value: storeValue(env, wires), scope };
    case "secret":
      return { value: wires.secrets.value(env.secret), secret: true, scope };
    case "phase":
      return { value: String(PHASES[wires.settings.phase][env.flag]), scope };
    case "budget":
      return { value: String(wires.settings.connections[`${component}/${variable}`] ?? env.wish), scope };
    case "app":
      return { value: env.part === "url" ? "${APP_URL}" : "${APP_DOMAIN}", scope };
  }
}

function databaseValue(
  { part, pool, driver, replica }: Extract<Env, { from: "database" }>,
  caFile: boolean,
  { postgres }: Wires,
): pulumi.Input<string> {
  const through = pool === undefined ? undefined : postgres.pool(pool);
  const host = replica ? postgres.replicas[0]!.privateHost : (through?.privateHost ?? postgres.privateHost);
  const port = through === undefined ? `\${${DATABASE}.PORT}` : through.port.apply(String);
  const name = pool ?? `\${${DATABASE}.DATABASE}`;
  switch (part) {
    case "url": {
      const login = `\${${DATABASE}.USERNAME}:\${${DATABASE}.PASSWORD}`;
      // asyncpg knows no "sslmode"; its own word for the same promise is "ssl", and it takes the file from PGSSLROOTCERT only.
      const file = caFile ? `&sslrootcert=${CA_FILE}` : "";
      const tls = driver?.includes("asyncpg") ? "ssl=verify-full" : `sslmode=verify-full${file}`;
      return pulumi.interpolate`${driver ?? "postgresql"}://${login}@${host}:${port}/${name}?${tls}`;
    }
    case "host":
      return host;
    case "port":
      return port;
    case "name":
      return name;
    case "user":
      return `\${${DATABASE}.USERNAME}`;
    case "password":
      return `\${${DATABASE}.PASSWORD}`;
    case "ca":
      return `\${${DATABASE}.CA_CERT}`;
  }
}

function storeValue(env: StoreEnv, wires: Wires): pulumi.Input<string> {
  const store = storeOf(env, wires.settings);
  const { privateHost } = wires.stores[store]!;
  switch (env.part) {
    case "url": {
      const path = "keyspace" in env ? `/${wires.settings.system.keyspaces[env.keyspace]!.database}` : "";
      return privateHost.apply((host) => `rediss://\${${store}.USERNAME}:\${${store}.PASSWORD}@${host}:\${${store}.PORT}${path}`);
    }
    case "host":
      return privateHost;
    case "port":
      return `\${${store}.PORT}`;
    case "password":
      return `\${${store}.PASSWORD}`;
    case "ca":
      return `\${${store}.CA_CERT}`;
  }
}

/** Only the clusters that some variable of this app refers to. */
function databases(app: App, withJob: boolean, wires: Wires): Record<string, AppDatabase> {
  const { postgres, stores, settings } = wires;
  const { database, roles } = settings.system.postgres;
  const asUser = (user: string): AppDatabase => ({ engine: "PG", cluster: postgres.name, database, user });
  const read = Object.values(app.components)
    .filter((component) => isOn(component.feature, settings))
    .flatMap((component) => Object.values(component.env))
    .filter((env) => isPresent(env, wires));
  const storesRead = read.flatMap((env) => (env.from === "store" ? [storeOf(env, settings)] : []));
  const storesUsed = new Set(withJob ? Object.keys(stores) : storesRead);
  return {
    ...(read.some((value) => value.from === "database") ? { [DATABASE]: asUser(roles.runtime) } : {}),
    ...(withJob ? { owner: asUser(roles.owner), admin: asUser("doadmin") } : {}),
    ...Object.fromEntries([...storesUsed].map((store) => [store, { engine: "VALKEY" as const, cluster: stores[store]!.name }])),
  };
}

/** The same engine that the runner uses, started by App Platform inside the VPC before each deployment. */
function postDeployJob({ settings, postgres, stores, postDeploy }: Wires): AppComponent {
  const url = (alias: string) =>
    postgres.privateHost.apply(
      (host) =>
        `postgresql://\${${alias}.USERNAME}:\${${alias}.PASSWORD}@${host}:\${${alias}.PORT}/${settings.system.postgres.database}?sslmode=verify-full`,
    );
  const plain = (value: pulumi.Input<string>): AppEnv => ({ value, scope: "RUN_TIME" });
  const storeEnv = Object.entries(stores).flatMap(([store, { privateHost }]) => {
    const variable = `SLIPWAY_STORE_${store.toUpperCase().replaceAll("-", "_")}`;
    const address = privateHost.apply((host) => `rediss://\${${store}.USERNAME}:\${${store}.PASSWORD}@${host}:\${${store}.PORT}`);
    return [
      [`${variable}_URL`, plain(address)],
      [`${variable}_CA`, plain(`\${${store}.CA_CERT}`)],
    ];
  });
  return {
    kind: "job",
    when: "PRE_DEPLOY",
    image: imageSource(postDeploy.image!),
    runCommand: `slipway post-deploy --system ${settings.system.name}`,
    size: "apps-s-1vcpu-0.5gb",
    env: {
      SLIPWAY_ADMIN_URL: plain(url("admin")),
      SLIPWAY_OWNER_URL: plain(url("owner")),
      SLIPWAY_CA: plain("${owner.CA_CERT}"),
      ...Object.fromEntries(storeEnv),
    },
  };
}

function storeOf(env: StoreEnv, settings: SystemSettings): string {
  return "store" in env ? env.store : settings.system.keyspaces[env.keyspace]!.store;
}

/** A variable of a feature that is off, of a store or a replica that this stack does not have, is left out. */
export function isPresent(env: Env, { settings, stores, postgres }: Wires): boolean {
  if (!isOn(env.feature, settings)) return false;
  if (env.from === "store") return storeOf(env, settings) in stores;
  return !(env.from === "database" && env.replica && postgres.replicas.length === 0);
}

export function isOn(feature: string | undefined, settings: SystemSettings): boolean {
  return feature === undefined || settings.features.has(feature);
}
