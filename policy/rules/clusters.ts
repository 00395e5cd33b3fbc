import type { Policies, StackValidationPolicy } from "@pulumi/policy";
import { isProduction, PRODUCTION } from "./production.ts";
import { policy, UNKNOWN } from "./rule.ts";

const CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster";

/** Deleted from the state together with their cluster, also where Pulumi then refuses to delete the cluster. A pool is replaced by every change of it. */
const WITHIN = /^digitalocean:index\/database(?!Cluster:|ConnectionPool:)/;

/** The cluster of a resource can be found only in the whole stack. */
const contentsProtected: StackValidationPolicy = {
  name: "database-contents-protected",
  description: "In production the databases, logins, replicas, settings and firewall of a protected cluster are protected with it.",
  enforcementLevel: "mandatory",
  configSchema: PRODUCTION,
  validateStack({ resources, getConfig }, report) {
    const kept = new Set(resources.filter(({ type, opts }) => type === CLUSTER && opts.protect).map(({ urn }) => urn));
    for (const { type, urn, name, opts, propertyDependencies } of resources) {
      const isInside = WITHIN.test(type) && (propertyDependencies.clusterId ?? []).some((cluster) => kept.has(cluster.urn));
      if (isInside && !opts.protect && isProduction({ urn, getConfig }))
        report(`${name} is not protected, and its cluster is: a destroy removes it, and then fails at the cluster.`, urn);
    }
  },
};

export const clusterPolicies: Policies = [
  contentsProtected,
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
