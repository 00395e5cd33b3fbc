import type { BackedCluster, Endpoint } from "../backing.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId, newPassword } from "../core/ids.ts";
import { ENGINES, type Engine } from "../databases/engines.ts";
import type { AppSpec, DatabaseSpec } from "./spec.ts";

/**
 * A database that App Platform provisions for one app. It has its own server, is reachable only through the app's bindable variables, is
 * deleted with the component, and does not appear in the databases API.
 */
export interface DevelopmentDatabase {
  /** Also the id of the server behind it. */
  readonly id: string;
  readonly app: string;
  readonly name: string;
  readonly engine: Engine;
  readonly version: string;
  /** Empty for Valkey. */
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly adminPassword: string;
  readonly endpoint: Endpoint;
}

/** The engines of an app spec that run on this machine. The default is Postgres. */
export const RUNNING_ENGINES: Readonly<Record<string, Engine>> = { PG: "pg", UNSET: "pg", VALKEY: "valkey", REDIS: "valkey" };

export const engineOf = ({ engine = "UNSET" }: DatabaseSpec): Engine | undefined => RUNNING_ENGINES[engine];

export const isDevelopment = ({ production, cluster_name }: DatabaseSpec): boolean => !production || !cluster_name;

const databases = (cloud: Cloud) => cloud.store.collection<DevelopmentDatabase>("development_databases");

const databasesOf = (cloud: Cloud, app: string): DevelopmentDatabase[] =>
  databases(cloud)
    .all()
    .filter((database) => database.app === app);

export const findDevelopmentDatabase = (cloud: Cloud, app: string, name: string): DevelopmentDatabase | undefined =>
  databasesOf(cloud, app).find((database) => database.name === name);

/** Creates the development databases that a spec declares, and starts those whose server does not run. */
export async function startDevelopmentDatabases(cloud: Cloud, app: string, spec: AppSpec): Promise<void> {
  for (const declared of (spec.databases ?? []).filter(isDevelopment)) {
    const engine = engineOf(declared);
    if (!engine) continue;
    const existing = findDevelopmentDatabase(cloud, app, declared.name);
    if (existing && existing.engine !== engine) await removeDatabase(cloud, existing);
    const database = existing?.engine === engine ? existing : await newDatabase(cloud, app, spec, declared, engine);
    // The record is written before the server is created, so that it is removed with the app after a crash in between.
    databases(cloud).put(database.id, database);
    const endpoint = await cloud.backing.startCluster(toBackedCluster(spec, database));
    databases(cloud).put(database.id, { ...database, endpoint });
  }
}

/** Deletes the development databases of an app that `spec` does not declare, with their data. */
export async function removeDevelopmentDatabases(cloud: Cloud, app: string, spec?: AppSpec): Promise<void> {
  const declaredNames = new Set((spec?.databases ?? []).filter(isDevelopment).map(({ name }) => name));
  for (const database of databasesOf(cloud, app)) if (!declaredNames.has(database.name)) await removeDatabase(cloud, database);
}

async function removeDatabase(cloud: Cloud, { id }: DevelopmentDatabase): Promise<void> {
  await cloud.backing.removeCluster(id);
  databases(cloud).delete(id);
}

async function newDatabase(cloud: Cloud, app: string, spec: AppSpec, declared: DatabaseSpec, engine: Engine): Promise<DevelopmentDatabase> {
  const { name, db_name, db_user } = declared;
  const version = versionFor(cloud, engine, declared.version);
  if (declared.version && declared.version !== version)
    cloud.note(`database ${name} of app ${spec.name} runs ${engine} ${version}: version ${declared.version} does not run on this machine`);
  const database = {
    ...{ id: newId(), app, name, engine, version },
    database: engine === "pg" ? unreservedName(db_name || name) : "",
    user: engine === "pg" ? unreservedName(db_user || name) : "default",
    ...{ password: newPassword(), adminPassword: newPassword() },
  };
  return { ...database, endpoint: await cloud.backing.placeCluster(toBackedCluster(spec, database)) };
}

/** Prefixes names that Postgres reserves or that already exist on its server. */
const unreservedName = (name: string): string =>
  /^(postgres|doadmin|defaultdb|public|none|_dodb|template[01]|pg_.*)$/.test(name) ? `app_${name}` : name;

/** Returns the declared version, else the nearest newer version that runs here, else the newest. */
function versionFor(cloud: Cloud, engine: Engine, declared: string | undefined): string {
  const offered = ENGINES[engine].versions.map(({ version }) => version);
  const majors = engine === "pg" ? cloud.backing.postgresMajors : undefined;
  const running = offered.filter((version) => !majors || majors.includes(version)).sort((a, b) => Number(a) - Number(b));
  const nearest = declared ? running.find((version) => Number(version) >= Number.parseInt(declared, 10)) : undefined;
  return nearest ?? running.at(-1)!;
}

const toBackedCluster = (
  { name: app, region = "nyc" }: AppSpec,
  { id, name, engine, version, ...database }: Omit<DevelopmentDatabase, "endpoint">,
): BackedCluster => ({
  ...{ id, name: `${app}-${name}`, engine, version, region, size: "db-s-dev-database", nodes: 1 },
  ...{ pools: [], rules: [], config: {} },
  ...(engine === "pg"
    ? {
        admin: { name: "doadmin", password: database.adminPassword, replication: false },
        users: [{ name: database.user, password: database.password, replication: false }],
        databases: [database.database],
        // Only the owner may create tables in `public`, which an app's migrations need.
        owners: { [database.database]: database.user },
      }
    : { admin: { name: "default", password: database.password, replication: false }, users: [], databases: [] }),
});
