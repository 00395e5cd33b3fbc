/**
 * A managed Postgres cluster with its firewall, databases, users, pools and replicas, in the order that keeps its doors shut.
 *
 * Cost: the list price of `size` times `nodes`, of each replica's size, and of storage beyond what the size brings. Databases, users, pools and the
 * firewall cost nothing.
 * A change of the component's name or of `network` replaces the cluster and its data; `protect` refuses it. A change of `region` moves it, of `major`
 * upgrades it, of `size`, `nodes` or storage resizes it in place.
 * DigitalOcean opens a cluster to the world at birth, and neither the SDK nor the provider lets a program say otherwise; nothing but `doadmin` is in it
 * until the firewall stands, and everything else here waits for that.
 */

import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { adoptedId, credential, keptOnAdoption } from "./cluster.ts";
import { componentError, throwIfProblems } from "./errors.ts";
import { Firewall } from "./firewall.ts";
import { Guard } from "./guard.ts";
import { child, POSTGRES } from "./names.ts";
import type { NetworkRef } from "./network.ts";
import { refuseAdvice } from "./outputtext.ts";
import {
  ADMIN,
  adoptionOf,
  type NamedPool,
  type PostgresArgs,
  type PostgresReplica,
  poolsOf,
  problemsOf,
  usersOf,
} from "./postgres-args.ts";
import { transformed } from "./transform.ts";
import { addressOf, postgresUrl } from "./url.ts";

export type {
  PostgresAdoption,
  PostgresArgs,
  PostgresDatabase,
  PostgresPool,
  PostgresReplica,
  PostgresTransforms,
} from "./postgres-args.ts";

export interface PostgresUser {
  readonly name: pulumi.Input<string>;
  /** Always secret; made by DigitalOcean for the users that are declared here. */
  readonly password: pulumi.Input<string>;
}

export interface Via {
  /** Through the VPC; from the machine that runs Pulumi, the public host. @default false */
  private?: boolean;
  /** A read replica's name. @default the cluster itself */
  replica?: string;
}

export interface ReplicaEndpoint {
  /** As declared. */
  readonly name: string;
  readonly host: pulumi.Output<string>;
  readonly privateHost: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
}

export class Postgres extends pulumi.ComponentResource {
  readonly id: pulumi.Output<string>;
  /** For ProjectResources: do:dbaas:<id>. */
  readonly clusterUrn: pulumi.Output<string>;
  /** The cluster's name at DigitalOcean: what an App spec's `clusterName` wants. */
  readonly name: pulumi.Output<string>;
  /** Reached from outside the VPC, by allowed sources. */
  readonly host: pulumi.Output<string>;
  /** Reached from within the VPC. */
  readonly privateHost: pulumi.Output<string>;
  /** The direct port, for both hosts. */
  readonly port: pulumi.Output<number>;
  /** The CA that signed the server's certificate, PEM. */
  readonly ca: pulumi.Output<string>;
  /** DigitalOcean's own administrator, for roles and grants. Nothing that serves requests connects as it. */
  readonly admin: {
    readonly host: pulumi.Output<string>;
    readonly port: pulumi.Output<number>;
    readonly user: pulumi.Output<string>;
    readonly password: pulumi.Output<string>;
    readonly database: pulumi.Output<string>;
  };
  /** In the order of their declaration. */
  readonly replicas: readonly ReplicaEndpoint[];
  readonly nodes: {
    readonly cluster: digitalocean.DatabaseCluster;
    readonly firewall: Firewall;
    readonly config?: digitalocean.DatabasePostgresqlConfig;
    readonly databases: Readonly<Record<string, digitalocean.DatabaseDb>>;
    readonly users: Readonly<Record<string, digitalocean.DatabaseUser>>;
    readonly pools: Readonly<Record<string, digitalocean.DatabaseConnectionPool>>;
    readonly replicas: Readonly<Record<string, digitalocean.DatabaseReplica>>;
    readonly replicaFirewalls: Readonly<Record<string, Firewall>>;
  };

  constructor(name: string, args: PostgresArgs, opts?: pulumi.ComponentResourceOptions) {
    super(POSTGRES, name, {}, opts);
    const parent = this;
    refuseAdvice(this, args);
    throwIfProblems(this, problemsOf(name, args));
    const { transform = {}, protect = true } = args;
    const adopted = adoptionOf(args);

    const cluster = createCluster();
    const clusterId = adopted === undefined ? cluster.id : adoptedId(this, cluster, { engine: "pg", region: args.region });
    const firewall = createFirewall();
    const wall = [firewall.nodes.firewall];
    const config = args.config === undefined ? undefined : createConfig(args.config);
    const ready = config === undefined ? wall : [...wall, config];
    const databases = byName(Object.keys(args.databases), (database) => database, createDatabase);
    const users = byName(usersOf(args), (user) => user, createUser);
    const pools = byName(poolsOf(args), (pool) => pool.name, createPool);
    const replicas = byName(args.replicas ?? [], (replica) => replica.name, createReplica);
    const replicaFirewalls = byName(args.replicas ?? [], (replica) => replica.name, createReplicaFirewall);
    new Guard(child(name, "guard"), Object.values(pools), { parent, protect });

    this.id = clusterId;
    this.clusterUrn = cluster.clusterUrn;
    this.name = cluster.name;
    this.host = cluster.host;
    this.privateHost = cluster.privateHost;
    this.port = cluster.port;
    this.ca = digitalocean.getDatabaseCaOutput({ clusterId: cluster.id }, { parent }).certificate;
    this.admin = {
      host: cluster.host,
      port: cluster.port,
      user: cluster.user,
      password: credential(this, ADMIN, cluster.password),
      database: cluster.database,
    };
    this.replicas = Object.entries(replicas).map(([key, { host, privateHost, port }]) => ({ name: key, host, privateHost, port }));
    this.nodes = { cluster, firewall, ...(config === undefined ? {} : { config }), databases, users, pools, replicas, replicaFirewalls };
    // No credential, and nothing that says no more than the cluster does: what a component registers is written into the state once more.
    this.registerOutputs({ id: this.id, name: this.name });

    function createCluster(): digitalocean.DatabaseCluster {
      const { network, region, major, size, nodes = 1, storageMiB, autoscale, maintenance, tags } = args;
      return new digitalocean.DatabaseCluster(
        child(name, "cluster"),
        transformed<digitalocean.DatabaseClusterArgs>(
          {
            // No projectId: moving the cluster to another project would replace it (terraform-provider-digitalocean#955).
            name,
            engine: "pg",
            version: major,
            region,
            size,
            nodeCount: nodes,
            privateNetworkUuid: network.id,
            ...(storageMiB === undefined ? {} : { storageSizeMib: String(storageMiB) }),
            ...(autoscale === undefined
              ? {}
              : {
                  storageAutoscale: { enabled: true, thresholdPercent: autoscale.thresholdPercent, incrementGib: autoscale.incrementGiB },
                }),
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
          ...(adopted === undefined ? {} : { import: adopted.cluster, ignoreChanges: keptOnAdoption(tags) }),
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

    function createConfig(wanted: NonNullable<PostgresArgs["config"]>): digitalocean.DatabasePostgresqlConfig {
      return new digitalocean.DatabasePostgresqlConfig(
        child(name, "config"),
        transformed<digitalocean.DatabasePostgresqlConfigArgs>({ clusterId, ...wanted }, transform.config),
        { parent, protect, deletedWith: cluster, dependsOn: wall },
      );
    }

    // A cluster that is online may still answer 404 for what was made in it a moment ago (terraform-provider-digitalocean#493, #1038): so one kind
    // after the other.
    function createDatabase(database: string): digitalocean.DatabaseDb {
      return new digitalocean.DatabaseDb(child(name, "db", database), transformed({ clusterId, name: database }, transform.database), {
        parent,
        protect,
        deletedWith: cluster,
        dependsOn: ready,
        ...importOf("databases", database),
      });
    }

    function createUser(user: string): digitalocean.DatabaseUser {
      return new digitalocean.DatabaseUser(
        child(name, "user", user),
        transformed<digitalocean.DatabaseUserArgs>({ clusterId, name: user }, transform.user),
        {
          parent,
          protect,
          deletedWith: cluster,
          dependsOn: [...ready, ...Object.values(databases)],
          // DigitalOcean answers with settings that the program did not send, and every preview would show them (terraform-provider-digitalocean#1610).
          ignoreChanges: ["settings"],
          ...importOf("users", user),
        },
      );
    }

    function createPool({ name: pool, database, user, size, mode = "transaction" }: NamedPool): digitalocean.DatabaseConnectionPool {
      return new digitalocean.DatabaseConnectionPool(
        child(name, "pool", pool),
        transformed<digitalocean.DatabaseConnectionPoolArgs>(
          { clusterId, name: pool, dbName: database, ...(user === undefined ? {} : { user }), size, mode },
          transform.pool,
        ),
        {
          parent,
          // Every change replaces, which `protect` would refuse. The guard depends on it instead.
          protect: false,
          deletedWith: cluster,
          dependsOn: [...ready, ...Object.values(databases), ...Object.values(users)],
          // A pool's name is taken until it is gone.
          deleteBeforeReplace: true,
          ...importOf("pools", pool),
        },
      );
    }

    function createReplica(wanted: PostgresReplica): digitalocean.DatabaseReplica {
      const network = networkOf(wanted);
      return new digitalocean.DatabaseReplica(
        child(name, "replica", wanted.name),
        transformed<digitalocean.DatabaseReplicaArgs>(
          {
            clusterId,
            // No tags: a change of theirs would replace the replica.
            name: `${name}-${wanted.name}`,
            region: wanted.region,
            size: wanted.size,
            ...(network === undefined ? {} : { privateNetworkUuid: network.id }),
            ...(args.storageMiB === undefined ? {} : { storageSizeMib: String(args.storageMiB) }),
          },
          transform.replica,
        ),
        {
          parent,
          protect,
          deletedWith: cluster,
          dependsOn: [...ready, ...Object.values(databases), ...Object.values(users), ...Object.values(pools)],
        },
      );
    }

    function createReplicaFirewall(wanted: PostgresReplica): Firewall {
      const replica = replicas[wanted.name]!;
      const network = networkOf(wanted);
      const { allow = [], trust } = args;
      return new Firewall(
        child(name, "firewall", wanted.name),
        { clusterId: replica.uuid, allow, ...(network === undefined ? {} : { vpcCidr: network.cidr }), ...trust },
        { parent, protect, deletedWith: replica },
      );
    }

    function networkOf({ network, region }: PostgresReplica): NetworkRef | undefined {
      return network ?? (region === args.region ? args.network : undefined);
    }

    function importOf(kind: "databases" | "users" | "pools", key: string): { import?: string } {
      return adopted?.[kind].includes(key) ? { import: `${adopted.cluster},${key}` } : {};
    }
  }

  /** A declared user; refuses any other. */
  user(name: string): { readonly name: string; readonly password: pulumi.Output<string> } {
    const user = this.known("user", name, this.nodes.users);
    return { name, password: credential(this, name, user.password) };
  }

  /** Where a declared pool is reached. */
  pool(name: string): {
    readonly name: string;
    readonly host: pulumi.Output<string>;
    readonly privateHost: pulumi.Output<string>;
    readonly port: pulumi.Output<number>;
  } {
    const { host, privateHost, port } = this.known("pool", name, this.nodes.pools);
    return { name, host, privateHost, port };
  }

  /**
   * A direct connection, never a pooled one: migrations, locks and dumps need it. Always secret. What uses it waits for the database, and so for
   * the firewall.
   * @param user a declared user's name, "doadmin", or the name and password of a role made in SQL
   */
  url(database: string, user: string | PostgresUser, via: Via = {}): pulumi.Output<string> {
    const { name: known } = this.known("database", database, this.nodes.databases);
    const address = this.#address(via);
    if (typeof user !== "string") return postgresUrl({ address, user: user.name, password: pulumi.secret(user.password) }, known);
    const { name, password } = user === ADMIN ? { name: ADMIN, password: this.admin.password } : this.user(user);
    return postgresUrl({ address, user: name, password }, known);
  }

  #address({ replica, private: within = false }: Via): pulumi.Output<string> {
    const { host, privateHost, port } = replica === undefined ? this : this.known("replica", replica, this.nodes.replicas);
    return addressOf(within ? privateHost : host, port);
  }

  private known<Node>(kind: string, name: string, nodes: Readonly<Record<string, Node>>): Node {
    if (Object.hasOwn(nodes, name)) return nodes[name]!;
    throw componentError(this, `${kind} "${name}" is not declared. Declared: ${Object.keys(nodes).join(", ") || "none"}.`);
  }
}

function byName<Wanted, Node>(
  wanted: readonly Wanted[],
  nameOf: (one: Wanted) => string,
  create: (one: Wanted) => Node,
): Record<string, Node> {
  return Object.fromEntries(wanted.map((one) => [nameOf(one), create(one)]));
}
