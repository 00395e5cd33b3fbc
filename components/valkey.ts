/**
 * A managed Valkey cluster with its firewall and its settings. One cluster is one class of keys, because eviction is per cluster: LRU over sessions
 * and user data throws them out with the cache.
 *
 * Cost: the list price of `size` times `nodes`. A change of the component's name or of `network` replaces the cluster and its keys; `protect` refuses it.
 * A change of `databases` restarts it. DigitalOcean takes no backups of Valkey, has no users but `default` there, no replicas and no forks.
 * At birth the cluster is open, and empty, until its firewall stands.
 */

import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { VALKEY_DATABASES } from "../catalog/limits.ts";
import { printable } from "../catalog/problem.ts";
import {
  adoptedId,
  adoptProblem,
  credential,
  keptOnAdoption,
  type Maintenance,
  maintenanceProblem,
  nameProblem,
  nodesProblem,
  regionProblem,
  sizeProblem,
} from "./cluster.ts";
import { type Check, componentError, throwIfProblems } from "./errors.ts";
import { Firewall, type TrustedSources } from "./firewall.ts";
import { child, VALKEY } from "./names.ts";
import type { NetworkRef } from "./network.ts";
import { refuseAdvice } from "./outputtext.ts";
import { type Transform, transformed } from "./transform.ts";
import { addressOf, valkeyUrl } from "./url.ts";

/** The only one there is; `user` says so once the cluster is there. */
const USER = "default";

export interface ValkeyArgs {
  /** A `Network`, or the id and block of another. A change replaces the cluster. */
  network: NetworkRef;
  /** The network's region: `nyc3`. */
  region: string;
  /**
   * state: nothing is evicted (a full store refuses writes) and a snapshot is taken every ten minutes in which a key changed; up to that much can be
   * lost. cache: the least recently used keys go first, and a restart may lose all of them.
   */
  class: "state" | "cache";
  /** A node's size slug. @example "db-s-1vcpu-2gb" */
  size: string;
  /** 1; or 2 or 3, of which the others are standbys that take over. Not for db-s-1vcpu-1gb. @default 1 */
  nodes?: number;
  /** IPv4 addresses and blocks outside of the network that may connect. @default none: only the network */
  allow?: readonly string[];
  /** Other sources that may connect. @default none */
  trust?: TrustedSources;
  /** Redis itself cannot be had any more. @default "valkey" */
  engine?: "valkey";
  /** @default "8" */
  version?: string;
  /** How many numbers SELECT accepts, from 0 on; 1 to 128. @default 16 */
  databases?: number;
  /** Idle connections are closed after so many seconds. @default DigitalOcean's, 300 */
  idleTimeoutSeconds?: number;
  /** @default DigitalOcean's choice */
  maintenance?: Maintenance;
  /** @default none */
  tags?: readonly string[];
  /** Whether deleting or replacing the cluster, its firewall or its settings is refused. @default true */
  protect?: boolean;
  /**
   * Id of a cluster that exists already and is taken over with its keys. It keeps its own name, network and region, and its tags where none are given
   * here; who may connect becomes what is said here. Leave this in place after the first `up`.
   * @default a new cluster
   */
  adopt?: string;
  /** The way around an opinion of this component. There is none around its firewall. */
  transform?: { cluster?: Transform<digitalocean.DatabaseClusterArgs>; config?: Transform<digitalocean.DatabaseValkeyConfigArgs> };
}

/** A cache may forget, so it is not asked to remember either: without snapshots a node spends no memory on them. */
const POLICY = {
  state: { evictionPolicy: "noeviction", persistence: "rdb" },
  cache: { evictionPolicy: "allkeys_lru", persistence: "off" },
} as const;

export class Valkey extends pulumi.ComponentResource {
  readonly id: pulumi.Output<string>;
  /** For ProjectResources: do:dbaas:<id>. */
  readonly clusterUrn: pulumi.Output<string>;
  /** The cluster's name at DigitalOcean: what an App spec's `clusterName` wants. */
  readonly name: pulumi.Output<string>;
  /** Reached from outside the VPC, by allowed sources. */
  readonly host: pulumi.Output<string>;
  /** Reached from within the VPC. */
  readonly privateHost: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  /** The only user there is. */
  readonly user: pulumi.Output<string>;
  /** Always secret. */
  readonly password: pulumi.Output<string>;
  /** The CA that signed the server's certificate, PEM. */
  readonly ca: pulumi.Output<string>;
  /** How many database numbers there are. */
  readonly databases: number;
  readonly nodes: {
    readonly cluster: digitalocean.DatabaseCluster;
    readonly firewall: Firewall;
    readonly config: digitalocean.DatabaseValkeyConfig;
  };

  constructor(name: string, args: ValkeyArgs, opts?: pulumi.ComponentResourceOptions) {
    super(VALKEY, name, {}, opts);
    const parent = this;
    refuseAdvice(this, args);
    throwIfProblems(this, problemsOf(name, args));
    const { databases = 16, transform = {}, protect = true } = args;
    const { evictionPolicy, persistence } = POLICY[args.class];

    const cluster = createCluster();
    const clusterId = args.adopt === undefined ? cluster.id : adoptedId(this, cluster, { engine: "valkey", region: args.region });
    const firewall = createFirewall();
    const config = createConfig();

    this.id = clusterId;
    this.clusterUrn = cluster.clusterUrn;
    this.name = cluster.name;
    this.host = cluster.host;
    this.privateHost = cluster.privateHost;
    this.port = cluster.port;
    this.user = cluster.user;
    this.password = credential(this, USER, cluster.password);
    this.ca = digitalocean.getDatabaseCaOutput({ clusterId: cluster.id }, { parent }).certificate;
    this.databases = databases;
    this.nodes = { cluster, firewall, config };
    // No credential, and nothing that says no more than the cluster does: what a component registers is written into the state once more.
    this.registerOutputs({ id: this.id, name: this.name, databases });

    function createCluster(): digitalocean.DatabaseCluster {
      const { network, region, size, nodes = 1, version = "8", maintenance, tags } = args;
      return new digitalocean.DatabaseCluster(
        child(name, "cluster"),
        transformed<digitalocean.DatabaseClusterArgs>(
          {
            // No projectId: moving the cluster to another project would replace it (terraform-provider-digitalocean#955).
            name,
            engine: "valkey",
            version,
            region,
            size,
            nodeCount: nodes,
            privateNetworkUuid: network.id,
            // Here and not in the config, whose valkeyMaxmemoryPolicy spells it with dashes that the API does not document.
            evictionPolicy,
            ...(maintenance === undefined ? {} : { maintenanceWindows: [maintenance] }),
            ...(tags === undefined ? {} : { tags: [...tags].sort() }),
          },
          transform.cluster,
        ),
        {
          parent,
          protect,
          // Twice the provider's default: when it stops waiting, it forgets a cluster that goes on being built, and being paid for.
          customTimeouts: { create: "60m" },
          ...(args.adopt === undefined ? {} : { import: args.adopt, ignoreChanges: keptOnAdoption(tags) }),
        },
      );
    }

    function createFirewall(): Firewall {
      const { allow = [], network, trust } = args;
      return new Firewall(
        child(name, "firewall"),
        { clusterId, allow, vpcCidr: network.cidr, ...trust },
        { parent, protect, deletedWith: cluster },
      );
    }

    function createConfig(): digitalocean.DatabaseValkeyConfig {
      const { idleTimeoutSeconds } = args;
      return new digitalocean.DatabaseValkeyConfig(
        child(name, "config"),
        transformed<digitalocean.DatabaseValkeyConfigArgs>(
          {
            // Neither frequentSnapshots nor valkeyActiveExpireEffort: the provider accepts both and sends neither.
            clusterId,
            persistence,
            numberOfDatabases: databases,
            ssl: true,
            ...(idleTimeoutSeconds === undefined ? {} : { timeout: idleTimeoutSeconds }),
          },
          transform.config,
        ),
        // Its id is an input, so the cluster is online, as the provider requires.
        { parent, protect, deletedWith: cluster, dependsOn: [firewall.nodes.firewall] },
      );
    }
  }

  /**
   * A connection to one database number, over TLS. Always secret. What uses it waits for the settings, which restart the server, and the firewall.
   * @param via `private`: through the VPC; from the machine that runs Pulumi, the public host
   */
  url(database: number, via: { private?: boolean } = {}): pulumi.Output<string> {
    if (!(Number.isInteger(database) && database >= 0 && database < this.databases))
      throw componentError(
        this,
        `database ${database} does not exist. There are ${this.databases}, from 0 to ${this.databases - 1}; raise databases for more.`,
      );
    const { host, privateHost, port, password } = this;
    const address = addressOf(via.private ? privateHost : host, port);
    const ready = this.nodes.config.id.apply(() => database);
    return valkeyUrl({ address, user: USER, password }, ready);
  }
}

function problemsOf(name: string, args: ValkeyArgs): Check[] {
  const { size, nodes = 1, databases = 16, idleTimeoutSeconds = 300 } = args;
  return [
    nameProblem(name),
    regionProblem("region", args.region),
    sizeProblem("size", "valkey", size, nodes),
    nodesProblem(nodes),
    Object.hasOwn(POLICY, args.class)
      ? undefined
      : {
          path: "class",
          given: printable(args.class),
          allowed: "state (nothing is evicted) or cache (the least recently used keys are evicted)",
        },
    engineProblem(args.engine),
    versionProblem(args.version),
    databasesProblem(databases),
    Number.isInteger(idleTimeoutSeconds) && idleTimeoutSeconds >= 0
      ? undefined
      : { path: "idleTimeoutSeconds", given: String(idleTimeoutSeconds), allowed: "whole seconds, or 0 to keep idle connections" },
    maintenanceProblem(args.maintenance),
    adoptProblem("adopt", args.adopt),
  ];
}

function databasesProblem(databases: number): Check {
  const { least, most } = VALKEY_DATABASES;
  return Number.isInteger(databases) && databases >= least && databases <= most
    ? undefined
    : { path: "databases", given: String(databases), allowed: `${least} to ${most}` };
}

function engineProblem(engine: string | undefined): Check {
  if (engine === undefined || engine === "valkey") return undefined;
  if (engine === "redis")
    return {
      path: "engine",
      given: printable(engine),
      problem: "DigitalOcean has retired it: no cluster since April 2025, none running since June 2025",
      fix: 'Use "valkey"; clients need no change.',
    };
  return { path: "engine", given: printable(engine), allowed: '"valkey"' };
}

function versionProblem(version: string | undefined): Check {
  if (version === undefined || (/^\d+$/.test(version) && Number(version) >= 8)) return undefined;
  return {
    path: "version",
    given: printable(version),
    allowed: 'a Valkey major, "8" or later; 7 and earlier were Redis, which DigitalOcean has retired',
  };
}
