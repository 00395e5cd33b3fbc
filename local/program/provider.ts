/** The local cloud as a provider of the engine: each resource type that slipway declares calls the domain directly. */
import type { CloudProvider } from "../../engine/cloud-provider.ts";
import { readCa } from "../cloud/databases/cluster-info.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { project, projectResources, vpc } from "./account.ts";
import { app } from "./app.ts";
import { databaseCluster } from "./cluster.ts";
import { connectionPool, databaseConfig, databaseDb, databaseFirewall, databaseReplica, databaseUser } from "./databases.ts";
import { postgresField, text, valkeyField } from "./mapping.ts";
import { monitorAlert, uptimeAlert, uptimeCheck } from "./monitoring.ts";
import { randomId, randomPassword } from "./random.ts";
import { spacesBucket, spacesBucketCors, spacesKey } from "./spaces.ts";

/** @param reasonOf Returns the last error of a cluster that did not start. */
export function localCloudProvider(cloud: Cloud, reasonOf: (id: string) => string = () => ""): CloudProvider {
  return {
    types: {
      "digitalocean:index/vpc:Vpc": vpc(cloud),
      "digitalocean:index/databaseCluster:DatabaseCluster": databaseCluster(cloud, reasonOf),
      "digitalocean:index/databaseDb:DatabaseDb": databaseDb(cloud),
      "digitalocean:index/databaseUser:DatabaseUser": databaseUser(cloud),
      "digitalocean:index/databaseConnectionPool:DatabaseConnectionPool": connectionPool(cloud),
      "digitalocean:index/databaseReplica:DatabaseReplica": databaseReplica(cloud),
      "digitalocean:index/databaseFirewall:DatabaseFirewall": databaseFirewall(cloud),
      "digitalocean:index/databasePostgresqlConfig:DatabasePostgresqlConfig": databaseConfig(cloud, postgresField),
      "digitalocean:index/databaseValkeyConfig:DatabaseValkeyConfig": databaseConfig(cloud, valkeyField),
      "digitalocean:index/app:App": app(cloud),
      "digitalocean:index/project:Project": project(cloud),
      "digitalocean:index/projectResources:ProjectResources": projectResources(cloud),
      "digitalocean:index/monitorAlert:MonitorAlert": monitorAlert(cloud),
      "digitalocean:index/uptimeCheck:UptimeCheck": uptimeCheck(cloud),
      "digitalocean:index/uptimeAlert:UptimeAlert": uptimeAlert(cloud),
      "digitalocean:index/spacesBucket:SpacesBucket": spacesBucket(cloud),
      "digitalocean:index/spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration": spacesBucketCors(cloud),
      "digitalocean:index/spacesKey:SpacesKey": spacesKey(cloud),
      "random:index/randomId:RandomId": randomId,
      "random:index/randomPassword:RandomPassword": randomPassword,
    },
    invokes: {
      "digitalocean:index/getDatabaseCa:getDatabaseCa": async ({ clusterId }) => ({
        clusterId,
        id: clusterId,
        certificate: Buffer.from(readCa(cloud, text(clusterId)).certificate, "base64").toString("utf8"),
      }),
    },
  };
}
