import type { Policies, StackValidationPolicy } from "@pulumi/policy";
import { list, policy } from "./rule.ts";

const FIREWALL = "digitalocean:index/databaseFirewall:DatabaseFirewall";
const CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster";

/** A /16 holds 65,536 addresses: more than any office or runner has. */
const WIDEST = 16;

const closed = policy({
  name: "database-firewall-closed",
  description: "A database's firewall names who may connect: never nobody, never everybody.",
  type: FIREWALL,
  check({ rules }, report) {
    if (list(rules).length === 0)
      report("rules is empty: DigitalOcean then lets every address in. Name the apps and addresses that may connect.");
    for (const [index, { type, value }] of list(rules).entries()) {
      if (type !== "ip_addr") continue;
      const [address = "", bits] = String(value).split("/");
      if (address.includes(":")) report(`rules[${index}].value is an IPv6 address, which DigitalOcean's database firewalls do not take.`);
      else if (bits !== undefined && Number(bits) < WIDEST)
        report(
          `rules[${index}].value is a /${bits}: it opens the database to ${2 ** (32 - Number(bits))} addresses. Name a /${WIDEST} or less.`,
        );
      else if (address === "0.0.0.0") report(`rules[${index}].value is everybody. Name the apps and addresses that may connect.`);
    }
  },
});

/** Only the whole stack can tell that something is missing. */
const everyCluster: StackValidationPolicy = {
  name: "database-firewall-exists",
  description: "Every database cluster has a firewall.",
  enforcementLevel: "mandatory",
  validateStack({ resources }, report) {
    const guarded = new Set(
      resources
        .filter(({ type }) => type === FIREWALL)
        .flatMap(({ propertyDependencies, dependencies }) => propertyDependencies.clusterId ?? dependencies)
        .map(({ urn }) => urn),
    );
    for (const { type, urn, name } of resources) {
      if (type === CLUSTER && !guarded.has(urn)) report(`${name} has no DatabaseFirewall: DigitalOcean then lets every address in.`, urn);
    }
  },
};

export const firewallPolicies: Policies = [closed, everyCluster];
