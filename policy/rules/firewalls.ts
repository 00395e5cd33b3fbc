import type { Policies, StackValidationPolicy } from "@pulumi/policy";
import {
  ALLOWED_SOURCES,
  findPublicExcess,
  findSourceFault,
  formatCount,
  MAX_PUBLIC_ADDRESSES,
  WIDEST_PUBLIC_PREFIX,
} from "../../catalog/trusted-sources.ts";
import { list, policy, UNKNOWN } from "./rule.ts";

const FIREWALL = "digitalocean:index/databaseFirewall:DatabaseFirewall";
const CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster";

const closed = policy({
  name: "database-firewall-closed",
  description: "A database's firewall lists the sources that may connect: never none, never the whole internet.",
  type: FIREWALL,
  check({ rules }, report) {
    const sources = list(rules);
    if (sources.length === 0)
      report("rules is empty: DigitalOcean then lets every address in. Name the apps and addresses that may connect.");
    const addresses = sources.flatMap(({ type, value }, index) =>
      type === "ip_addr" && value !== UNKNOWN ? [{ index, value: String(value) }] : [],
    );
    for (const { index, value } of addresses) {
      const fault = findSourceFault(value);
      if (fault !== undefined) report(`rules[${index}].value ${fault.text}. Allowed: ${ALLOWED_SOURCES}.`);
    }
    const excess = findPublicExcess(addresses.map(({ value }) => value));
    if (excess !== undefined)
      report(
        `rules lets ${formatCount(excess)} public addresses reach the database. Allowed: ${formatCount(MAX_PUBLIC_ADDRESSES)} in all, as many as one /${WIDEST_PUBLIC_PREFIX} has.`,
      );
  },
});

/** A missing resource can be found only in the whole stack. */
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
