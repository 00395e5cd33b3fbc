/**
 * Who may reach one database cluster. A cluster is born open, so this is the first thing it gets, and it is never empty and never open.
 *
 * Cost: none. There is one per cluster, because DigitalOcean keeps one list and the last writer wins. Deleting the list would open the cluster to
 * the world; so it is retained: leaving the program leaves the last rules in force. There is no `transform`: every rule passes through here.
 */

import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { formatBlock, parseBlock } from "../catalog/ipv4.ts";
import { MOST_SOURCES } from "../catalog/limits.ts";
import { printable } from "../catalog/problem.ts";
import {
  ALLOWED_SOURCES,
  findPublicExcess,
  findSourceFault,
  formatCount,
  MAX_PUBLIC_ADDRESSES,
  WIDEST_PUBLIC_PREFIX,
} from "../catalog/trusted-sources.ts";
import { type Check, throwIfProblems } from "./errors.ts";
import { child, FIREWALL } from "./names.ts";
import { refuseAdvice } from "./outputtext.ts";

/** Sources other than addresses. An `app` rule admits the app's public egress only; an app inside the VPC comes from the VPC's block. */
export interface TrustedSources {
  /** Droplet ids. @default none */
  droplets?: readonly pulumi.Input<string>[];
  /** Every Droplet with one of these tags. @default none */
  tags?: readonly string[];
  /** App ids. @default none */
  apps?: readonly pulumi.Input<string>[];
}

export interface FirewallArgs extends TrustedSources {
  /** The cluster, or a replica's `uuid` (not its `id`: pulumi-digitalocean#324). A change replaces the rules, not the cluster. */
  clusterId: pulumi.Input<string>;
  /** The block of the VPC in which apps and Droplets live. @default none */
  vpcCidr?: pulumi.Input<string>;
  /**
   * IPv4 addresses and blocks outside of the VPC: together no more public addresses than a /16 has. Order and repetition mean nothing.
   * @default none
   * @example ["198.51.100.7", "203.0.113.0/24"]
   */
  allow?: readonly string[];
}

type Rule = digitalocean.types.input.DatabaseFirewallRule;

export class Firewall extends pulumi.ComponentResource {
  /** The addresses and blocks outside of the VPC, each once, in one spelling, sorted. */
  readonly sources: readonly string[];
  readonly nodes: { readonly firewall: digitalocean.DatabaseFirewall };

  /** @param opts `deletedWith` the cluster saves a call that would only open it. */
  constructor(name: string, args: FirewallArgs, opts?: pulumi.ComponentResourceOptions) {
    super(FIREWALL, name, {}, opts);
    const parent = this;
    refuseAdvice(this, args);
    throwIfProblems(this, problemsOf(args));
    const sources = [...new Set((args.allow ?? []).map((source) => formatBlock(parseBlock(source)!)))].sort();
    const firewall = createFirewall();

    this.sources = sources;
    this.nodes = { firewall };
    this.registerOutputs({ sources });

    function createFirewall(): digitalocean.DatabaseFirewall {
      return new digitalocean.DatabaseFirewall(
        child(name, "rules"),
        { clusterId: args.clusterId, rules: rules() },
        { parent, retainOnDelete: true, ...(opts?.deletedWith === undefined ? {} : { deletedWith: opts.deletedWith }) },
      );
    }

    function rules(): Rule[] {
      const vpc = args.vpcCidr === undefined ? [] : [checked(args.vpcCidr)];
      const rule = (type: string) => (value: pulumi.Input<string>) => ({ type, value });
      return [
        ...vpc.map(rule("ip_addr")),
        // The SDK's documentation says `ipAddr`, which the provider refuses.
        ...sources.filter((source) => source !== args.vpcCidr).map(rule("ip_addr")),
        ...(args.droplets ?? []).map(rule("droplet")),
        ...[...new Set(args.tags)].sort().map(rule("tag")),
        ...(args.apps ?? []).map(rule("app")),
      ];
    }

    /** A plain block has been checked already; one that only the provider knows is checked when it is known. */
    function checked(cidr: pulumi.Input<string>): pulumi.Input<string> {
      if (typeof cidr === "string") return cidr;
      return pulumi.output(cidr).apply((known) => {
        const problem = sourceProblem("vpcCidr", known);
        throwIfProblems(parent, [problem]);
        return known;
      });
    }
  }
}

function problemsOf(args: FirewallArgs): Check[] {
  const { allow = [], vpcCidr, droplets = [], tags = [], apps = [] } = args;
  const count = (vpcCidr === undefined ? 0 : 1) + new Set(allow).size + droplets.length + new Set(tags).size + apps.length;
  return [
    ...allow.map((source, index) => sourceProblem(`allow[${index}]`, source)),
    excessProblem(allow),
    typeof vpcCidr === "string" ? sourceProblem("vpcCidr", vpcCidr) : undefined,
    count === 0
      ? {
          path: "allow",
          problem: "no source is allowed, and DigitalOcean treats an empty list as open to the whole internet",
          fix: "Set vpcCidr to the network's block, or name an address in allow.",
        }
      : undefined,
    count > MOST_SOURCES
      ? {
          path: "allow",
          problem: `a database firewall lists at most ${MOST_SOURCES} sources, and these are ${count}`,
          fix: "Name blocks in place of single addresses.",
        }
      : undefined,
  ];
}

function excessProblem(allow: readonly string[]): Check {
  const excess = findPublicExcess(allow);
  if (excess === undefined) return undefined;
  return {
    path: "allow",
    problem: `together the sources let ${formatCount(excess)} public addresses reach the database`,
    allowed: `${formatCount(MAX_PUBLIC_ADDRESSES)} in all, as many as one /${WIDEST_PUBLIC_PREFIX} has; private blocks do not count`,
    fix: "Name the addresses that connections come from.",
  };
}

function sourceProblem(path: string, source: string): Check {
  const fault = findSourceFault(source);
  if (fault === undefined) return undefined;
  return {
    path,
    given: printable(source),
    problem: `it ${fault.text}`,
    allowed: ALLOWED_SOURCES,
    fix: fault.instead === undefined ? "Name the address that the connection comes from." : `Did you mean "${fault.instead}"?`,
  };
}
