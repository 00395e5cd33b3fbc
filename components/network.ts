/**
 * The private network that databases and apps share.
 *
 * Cost: none. A change of `region` or `cidr` replaces the network and, with it, every cluster inside; `protect` on those stops such an update.
 */

import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { ALLOWED_NETWORKS, findNetworkFault } from "../catalog/private-networks.ts";
import { printable } from "../catalog/problem.ts";
import { regionProblem } from "./cluster.ts";
import { type Check, throwIfProblems } from "./errors.ts";
import { child, NETWORK } from "./names.ts";
import { refuseAdvice } from "./outputtext.ts";
import { type Transform, transformed } from "./transform.ts";

export type NetworkArgs = OwnNetwork | ExistingNetwork;

export interface OwnNetwork {
  /** A VPC and database region, with its number: `nyc3`. Apps live in `nyc`. */
  region: string;
  /**
   * A private block from /16 to /28 that no other network of the account overlaps.
   * @example "10.20.0.0/20"
   */
  cidr: string;
  /** Shown in the control panel; up to 255 characters. @default none */
  description?: string;
  existing?: never;
  /** The way around an opinion of this component. */
  transform?: { vpc?: Transform<digitalocean.VpcArgs> };
}

export interface ExistingNetwork {
  /** Id of a network that this program does not manage: it is read, never changed and never deleted. Its region and block are its own. */
  existing: pulumi.Input<string>;
  region?: never;
  cidr?: never;
  description?: never;
  transform?: never;
}

/** What a cluster needs of a network: a `Network`, or the id and block of any other. */
export interface NetworkRef {
  readonly id: pulumi.Input<string>;
  readonly cidr: pulumi.Input<string>;
}

export class Network extends pulumi.ComponentResource implements NetworkRef {
  /** The VPC's id. */
  readonly id: pulumi.Output<string>;
  /** Its block; known before the first `up` for a network of our own, so that firewall rules can be previewed. */
  readonly cidr: pulumi.Output<string>;
  readonly region: pulumi.Output<string>;
  readonly nodes: { readonly vpc: digitalocean.Vpc };

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super(NETWORK, name, {}, opts);
    const parent = this;
    refuseAdvice(this, args);
    const vpc = args.existing === undefined ? createVpc(args) : readVpc(args.existing);

    this.id = vpc.id;
    this.cidr = args.existing === undefined ? pulumi.output(args.cidr) : vpc.ipRange;
    this.region = args.existing === undefined ? pulumi.output(args.region) : vpc.region;
    this.nodes = { vpc };
    this.registerOutputs({ id: this.id, cidr: this.cidr, region: this.region });

    function createVpc(own: OwnNetwork): digitalocean.Vpc {
      throwIfProblems(parent, [
        nameProblem(name),
        regionProblem("region", own.region),
        cidrProblem(own.cidr),
        descriptionProblem(own.description),
      ]);
      const { region, cidr, description } = own;
      return new digitalocean.Vpc(
        child(name, "vpc"),
        transformed({ name, region, ipRange: cidr, ...(description === undefined ? {} : { description }) }, own.transform?.vpc),
        // Clusters and apps leave a network some minutes after DigitalOcean has said that they are deleted, and the provider retries for two
        // (terraform-provider-digitalocean#488, #1368).
        { parent, customTimeouts: { delete: "15m" } },
      );
    }

    function readVpc(id: pulumi.Input<string>): digitalocean.Vpc {
      return digitalocean.Vpc.get(child(name, "vpc"), id, undefined, { parent });
    }
  }
}

function nameProblem(name: string): Check {
  if (/^[a-zA-Z0-9.-]+$/.test(name)) return undefined;
  return {
    path: "the component's name",
    given: printable(name),
    problem: "it becomes the network's name",
    allowed: 'letters, digits, "." and "-"',
    fix: "Rename the component.",
  };
}

function cidrProblem(cidr: string): Check {
  const fault = findNetworkFault(cidr);
  if (fault === undefined) return undefined;
  return {
    path: "cidr",
    given: printable(cidr),
    problem: `it ${fault.text}`,
    allowed: ALLOWED_NETWORKS,
    fix: fault.instead === undefined ? 'For example "10.20.0.0/20".' : `Did you mean "${fault.instead}"?`,
  };
}

function descriptionProblem(description = ""): Check {
  if (description.length <= 255) return undefined;
  return { path: "description", problem: `it has ${description.length} characters`, allowed: "up to 255", fix: "Shorten it." };
}
