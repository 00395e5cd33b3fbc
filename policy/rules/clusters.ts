import type { Policies } from "@pulumi/policy";
import { isProduction, PRODUCTION } from "./production.ts";
import { policy, UNKNOWN } from "./rule.ts";

const CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster";

export const clusterPolicies: Policies = [
  policy({
    name: "database-engine-offered",
    description: "A cluster runs an engine that DigitalOcean still offers.",
    type: CLUSTER,
    check({ engine }, report) {
      if (engine === "redis") report('engine is "redis", which DigitalOcean has retired: write "valkey".');
    },
  }),
  policy({
    name: "database-version-chosen",
    description: "A cluster's version is a major that the program selects, because an upgrade cannot be reverted.",
    type: CLUSTER,
    check({ version }, report) {
      if (version !== UNKNOWN && !/^\d+$/.test(String(version)))
        report('version is not a major version: write "15" or another one that DigitalOcean offers.');
    },
  }),
  policy({
    name: "database-in-vpc",
    description: "A cluster is in a network of its stack.",
    type: CLUSTER,
    check({ privateNetworkUuid }, report) {
      if (privateNetworkUuid === undefined)
        report("privateNetworkUuid is missing: the cluster would be in the region's default network, with every other resource there.");
    },
  }),
  policy({
    name: "database-protected",
    description: "In production a cluster with data is protected from deletion.",
    type: CLUSTER,
    configSchema: PRODUCTION,
    check({ engine, evictionPolicy }, report, resource) {
      const holdsData = engine !== "valkey" || evictionPolicy === "noeviction";
      if (holdsData && isProduction(resource) && !resource.opts.protect)
        report("it is not protected, so a destroy deletes its data: pulumi config set slipway:protect true");
    },
  }),
  policy({
    name: "database-standby",
    description: "In production a cluster with data has a standby.",
    type: CLUSTER,
    level: "advisory",
    configSchema: PRODUCTION,
    check({ engine, evictionPolicy, nodeCount }, report, resource) {
      const holdsData = engine !== "valkey" || evictionPolicy === "noeviction";
      if (holdsData && isProduction(resource) && nodeCount === 1) report("nodeCount is 1: nothing takes over when that node fails.");
    },
  }),
];
