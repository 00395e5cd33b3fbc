/**
 * The part of @pulumi/digitalocean that is used here, file by file. Imported as a whole from an ES module, Node evaluates every one of its lazy
 * exports: 280 files, a third of a plan's time.
 */
export type * from "@pulumi/digitalocean";
export { App } from "@pulumi/digitalocean/app.js";
export { DatabaseCluster } from "@pulumi/digitalocean/databaseCluster.js";
export { DatabaseConnectionPool } from "@pulumi/digitalocean/databaseConnectionPool.js";
export { DatabaseDb } from "@pulumi/digitalocean/databaseDb.js";
export { DatabaseFirewall } from "@pulumi/digitalocean/databaseFirewall.js";
export { DatabasePostgresqlConfig } from "@pulumi/digitalocean/databasePostgresqlConfig.js";
export { DatabaseReplica } from "@pulumi/digitalocean/databaseReplica.js";
export { DatabaseUser } from "@pulumi/digitalocean/databaseUser.js";
export { DatabaseValkeyConfig } from "@pulumi/digitalocean/databaseValkeyConfig.js";
export { getDatabaseCaOutput } from "@pulumi/digitalocean/getDatabaseCa.js";
export { MonitorAlert } from "@pulumi/digitalocean/monitorAlert.js";
export { Project } from "@pulumi/digitalocean/project.js";
export { ProjectResources } from "@pulumi/digitalocean/projectResources.js";
export { SpacesBucket } from "@pulumi/digitalocean/spacesBucket.js";
export { SpacesKey } from "@pulumi/digitalocean/spacesKey.js";
export { UptimeAlert } from "@pulumi/digitalocean/uptimeAlert.js";
export { UptimeCheck } from "@pulumi/digitalocean/uptimeCheck.js";
export { Vpc } from "@pulumi/digitalocean/vpc.js";
