/**
 * The part of @pulumi/digitalocean that is used here, file by file, asked for as the CommonJS that it is. Imported as a whole from an ES module,
 * Node evaluates every one of its lazy exports, 280 files, a third of a plan's time; imported one by one, it reads each file twice.
 */
import { createRequire } from "node:module";
import type * as sdk from "@pulumi/digitalocean";

export type * from "@pulumi/digitalocean";

const require = createRequire(import.meta.url);

function load<Name extends keyof typeof sdk>(file: string, name: Name): (typeof sdk)[Name] {
  return require(`@pulumi/digitalocean/${file}.js`)[name];
}

export const App = load("app", "App");
export type App = sdk.App;
export const DatabaseCluster = load("databaseCluster", "DatabaseCluster");
export type DatabaseCluster = sdk.DatabaseCluster;
export const DatabaseConnectionPool = load("databaseConnectionPool", "DatabaseConnectionPool");
export type DatabaseConnectionPool = sdk.DatabaseConnectionPool;
export const DatabaseDb = load("databaseDb", "DatabaseDb");
export type DatabaseDb = sdk.DatabaseDb;
export const DatabaseFirewall = load("databaseFirewall", "DatabaseFirewall");
export type DatabaseFirewall = sdk.DatabaseFirewall;
export const DatabasePostgresqlConfig = load("databasePostgresqlConfig", "DatabasePostgresqlConfig");
export type DatabasePostgresqlConfig = sdk.DatabasePostgresqlConfig;
export const DatabaseReplica = load("databaseReplica", "DatabaseReplica");
export type DatabaseReplica = sdk.DatabaseReplica;
export const DatabaseUser = load("databaseUser", "DatabaseUser");
export type DatabaseUser = sdk.DatabaseUser;
export const DatabaseValkeyConfig = load("databaseValkeyConfig", "DatabaseValkeyConfig");
export type DatabaseValkeyConfig = sdk.DatabaseValkeyConfig;
export const MonitorAlert = load("monitorAlert", "MonitorAlert");
export type MonitorAlert = sdk.MonitorAlert;
export const Project = load("project", "Project");
export type Project = sdk.Project;
export const ProjectResources = load("projectResources", "ProjectResources");
export type ProjectResources = sdk.ProjectResources;
export const SpacesBucket = load("spacesBucket", "SpacesBucket");
export type SpacesBucket = sdk.SpacesBucket;
export const SpacesKey = load("spacesKey", "SpacesKey");
export type SpacesKey = sdk.SpacesKey;
export const UptimeAlert = load("uptimeAlert", "UptimeAlert");
export type UptimeAlert = sdk.UptimeAlert;
export const UptimeCheck = load("uptimeCheck", "UptimeCheck");
export type UptimeCheck = sdk.UptimeCheck;
export const Vpc = load("vpc", "Vpc");
export type Vpc = sdk.Vpc;

export const getDatabaseCaOutput = load("getDatabaseCa", "getDatabaseCaOutput");
