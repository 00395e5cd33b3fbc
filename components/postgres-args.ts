/** What a `Postgres` is asked for, and which of it cannot be. */

import type * as digitalocean from "@pulumi/digitalocean";
import { AUTOSCALE, DISK_STEP_GIB } from "../catalog/limits.ts";
import { findNode, usableConnections } from "../catalog/nodes.ts";
import { printable } from "../catalog/problem.ts";
import { adoptProblem, type Maintenance, maintenanceProblem, nameProblem, nodesProblem, regionProblem, sizeProblem } from "./cluster.ts";
import type { Check } from "./errors.ts";
import type { TrustedSources } from "./firewall.ts";
import type { NetworkRef } from "./network.ts";
import type { Transform } from "./transform.ts";

export interface PostgresArgs {
  /** A `Network`, or the id and block of another. A change replaces the cluster. */
  network: NetworkRef;
  /** The network's region: `nyc3`. A change moves the cluster, with its data, in hours. */
  region: string;
  /**
   * The major version; the minor is DigitalOcean's. A change upgrades in place and cannot be reverted, and `up` does not wait for the upgrade.
   * @example "17"
   */
  major: string;
  /** A node's size slug. It can grow later, the disk never shrinks. @example "db-s-1vcpu-2gb" */
  size: string;
  /** 1; or 2 or 3, of which the others are standbys that take over. Not for db-s-1vcpu-1gb. @default 1 */
  nodes?: number;
  /** IPv4 addresses and blocks outside of the network that may connect. @default none: only the network */
  allow?: readonly string[];
  /** Other sources that may connect. @default none */
  trust?: TrustedSources;
  /** Databases by name, each with who uses it. Taking one out drops it, which `protect` stops. */
  databases: Readonly<Record<string, PostgresDatabase>>;
  /** Read replicas, each at the list price of its own node. @default none */
  replicas?: readonly PostgresReplica[];
  /** The disk, fixed. @default what comes with `size` */
  storageMiB?: number;
  /** The disk grows by so much when it is so full. Not together with `storageMiB`, which it would drift from. @default it does not grow */
  autoscale?: { thresholdPercent: number; incrementGiB: number };
  /** @default DigitalOcean's choice */
  maintenance?: Maintenance;
  /**
   * Server settings; some restart the server. Zero and "" never reach DigitalOcean (the provider leaves them out), so they are refused.
   * @default DigitalOcean's
   * @example { logMinDurationStatement: 1000, sharedBuffersPercentage: 25 }
   */
  config?: Omit<digitalocean.DatabasePostgresqlConfigArgs, "clusterId">;
  /** @default none */
  tags?: readonly string[];
  /** Whether deleting the cluster or anything in it is refused, and replacing anything but a pool. @default true */
  protect?: boolean;
  /**
   * A cluster that exists already and is taken over with its data. Its id says that everything declared here is there; where only some of it is, name
   * that. It keeps its own name, network and region, and its tags where none are given here; who may connect becomes what is said here. Leave this in
   * place after the first `up`.
   * @default a new cluster
   */
  adopt?: string | PostgresAdoption;
  /** The way around an opinion of this component. There is none around its firewall. */
  transform?: PostgresTransforms;
}

export interface PostgresDatabase {
  /** Users are the cluster's: one named in two databases is one user. Since Postgres 15 they may create nothing until they are granted it in SQL. */
  users: readonly string[];
  /** PgBouncer pools in front of this database. Any change replaces the pool, and ends its connections. @default none */
  pools?: Readonly<Record<string, PostgresPool>>;
}

export interface PostgresPool {
  /** One of the database's users. @default none: each client connects with a user and password of its own */
  user?: string;
  /** Server connections; all pools of a cluster share what its node has. */
  size: number;
  /** transaction: no prepared statements by name, advisory locks or SET that outlive a transaction. @default "transaction" */
  mode?: "transaction" | "session" | "statement";
}

export interface PostgresReplica {
  /** Unique within the cluster. */
  name: string;
  region: string;
  /** At least the cluster's size. */
  size: string;
  /** The network there, for a replica in another region. @default the cluster's in its region, the account's default network elsewhere */
  network?: NetworkRef;
}

export interface PostgresAdoption {
  /** The cluster's id. */
  cluster: string;
  /** Those of `databases` that exist already; the others are created. @default none */
  databases?: readonly string[];
  /** Users that exist already. @default none */
  users?: readonly string[];
  /** Pools that exist already. @default none */
  pools?: readonly string[];
}

export interface PostgresTransforms {
  cluster?: Transform<digitalocean.DatabaseClusterArgs>;
  config?: Transform<digitalocean.DatabasePostgresqlConfigArgs>;
  database?: Transform<digitalocean.DatabaseDbArgs>;
  user?: Transform<digitalocean.DatabaseUserArgs>;
  pool?: Transform<digitalocean.DatabaseConnectionPoolArgs>;
  replica?: Transform<digitalocean.DatabaseReplicaArgs>;
}

/** DigitalOcean's superuser-to-be; it exists in every cluster. */
export const ADMIN = "doadmin";
const MODES = ["transaction", "session", "statement"];

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface NamedPool extends PostgresPool {
  readonly name: string;
  readonly database: string;
}

export function usersOf(args: PostgresArgs): readonly string[] {
  return [...new Set(Object.values(args.databases).flatMap((database) => database.users))];
}

export function poolsOf(args: PostgresArgs): readonly NamedPool[] {
  return Object.entries(args.databases).flatMap(([database, { pools = {} }]) =>
    Object.entries(pools).map(([name, pool]) => ({ ...pool, name, database })),
  );
}

export function adoptionOf(args: PostgresArgs): Required<PostgresAdoption> | undefined {
  const { adopt } = args;
  if (adopt === undefined) return undefined;
  if (typeof adopt !== "string") return { databases: [], users: [], pools: [], ...adopt };
  return { cluster: adopt, databases: Object.keys(args.databases), users: usersOf(args), pools: poolsOf(args).map((pool) => pool.name) };
}

// ── Checking ────────────────────────────────────────────────────────────────────────────────────────────────────────

export function problemsOf(name: string, args: PostgresArgs): Check[] {
  return [
    nameProblem(name),
    regionProblem("region", args.region),
    sizeProblem("size", "pg", args.size, args.nodes),
    nodesProblem(args.nodes ?? 1),
    majorProblem(args.major),
    storageProblem(args.storageMiB, args.autoscale),
    autoscaleProblem(args.autoscale),
    maintenanceProblem(args.maintenance),
    ...configProblems(args.config),
    Object.keys(args.databases).length === 0
      ? { path: "databases", problem: "it is empty", fix: 'Name at least one, such as { orders: { users: ["orders"] } }.' }
      : undefined,
    ...Object.entries(args.databases).flatMap(([database, wanted]) => databaseProblems(database, wanted)),
    ...poolNameProblems(args),
    poolSumProblem(args),
    ...(args.replicas ?? []).flatMap((replica, index) => replicaProblems(args, replica, index)),
    ...adoptionProblems(args),
  ];
}

function majorProblem(major: string): Check {
  if (/^\d{2}$/.test(major)) return undefined;
  const [first = ""] = major.split(".");
  const example = /^\d{2}$/.test(first) ? `, "${first}"; DigitalOcean selects the minor version` : ', such as "17"';
  return { path: "major", given: printable(major), allowed: `the major version alone${example}` };
}

function storageProblem(storageMiB: number | undefined, autoscale: PostgresArgs["autoscale"]): Check {
  if (storageMiB === undefined) return undefined;
  if (autoscale !== undefined)
    return {
      path: "storageMiB",
      problem: "autoscale is set too, and the next run would request a smaller disk after it has grown",
      fix: "Keep one of them.",
    };
  return Number.isInteger(storageMiB) && storageMiB > 0
    ? undefined
    : { path: "storageMiB", given: String(storageMiB), allowed: "whole MiB, such as 61440 for 60 GiB" };
}

function autoscaleProblem(autoscale: PostgresArgs["autoscale"]): Check {
  if (autoscale === undefined) return undefined;
  const { thresholdPercent, incrementGiB } = autoscale;
  const { threshold, incrementGiB: increment } = AUTOSCALE;
  const fix = "Set both numbers, because DigitalOcean reads a missing one as 0.";
  if (!(Number.isInteger(thresholdPercent) && thresholdPercent >= threshold.least && thresholdPercent <= threshold.most))
    return {
      path: "autoscale.thresholdPercent",
      given: String(thresholdPercent),
      allowed: `${threshold.least} to ${threshold.most}`,
      fix,
    };
  // DigitalOcean rounds to its steps, and every preview would show the difference.
  if (!(incrementGiB >= increment.least && incrementGiB <= increment.most && incrementGiB % DISK_STEP_GIB === 0))
    return {
      path: "autoscale.incrementGiB",
      given: String(incrementGiB),
      allowed: `${increment.least} to ${increment.most} in steps of ${DISK_STEP_GIB}`,
      fix,
    };
  return undefined;
}

function configProblems(config: PostgresArgs["config"] = {}): Check[] {
  const share = config.sharedBuffersPercentage;
  return [
    ...Object.entries(config)
      .filter(([, value]) => value === 0 || value === "")
      .map(([key, value]) => ({
        path: `config.${key}`,
        given: printable(value),
        problem: "the provider does not send this value",
        fix: "Set another value, or leave it out.",
      })),
    typeof share === "number" && !(share >= 20 && share <= 60)
      ? { path: "config.sharedBuffersPercentage", given: String(share), allowed: "20 to 60" }
      : undefined,
  ];
}

function databaseProblems(database: string, { users, pools = {} }: PostgresDatabase): Check[] {
  const path = `databases.${database}`;
  return [
    identifierProblem(path, database),
    database === "defaultdb" || database === "postgres"
      ? { path, problem: "it exists in every cluster", fix: "Name a database of your own." }
      : undefined,
    ...users.map((user, index) => identifierProblem(`${path}.users[${index}]`, user)),
    users.includes(ADMIN)
      ? {
          path: `${path}.users`,
          problem: `it contains ${ADMIN}, which exists in every cluster`,
          fix: "Leave it out; the component's `admin` is its connection.",
        }
      : undefined,
    ...Object.entries(pools).flatMap(([pool, wanted]) => poolProblems(`${path}.pools.${pool}`, pool, wanted, users)),
  ];
}

function identifierProblem(path: string, name: string): Check {
  if (/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/.test(name)) return undefined;
  return { path, given: printable(name), allowed: '1 to 63 letters, digits, "_" and "-", not starting with a digit or "-"' };
}

function poolProblems(path: string, name: string, { user, size, mode }: PostgresPool, users: readonly string[]): Check[] {
  return [
    /^[A-Za-z0-9_-]{3,60}$/.test(name)
      ? undefined
      : { path, problem: "the pool's name is not valid", allowed: '3 to 60 letters, digits, "_" and "-"', fix: "Rename the pool." },
    user === undefined || users.includes(user)
      ? undefined
      : {
          path: `${path}.user`,
          given: printable(user),
          problem: "it is not a user of this database",
          allowed: users.join(", ") || "none, because users is empty",
        },
    Number.isInteger(size) && size >= 1
      ? undefined
      : { path: `${path}.size`, given: String(size), allowed: "a whole number of connections, 1 or more" },
    mode === undefined || MODES.includes(mode) ? undefined : { path: `${path}.mode`, given: printable(mode), allowed: MODES.join(", ") },
  ];
}

function poolNameProblems(args: PostgresArgs): Check[] {
  const names = poolsOf(args).map((pool) => pool.name);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [...twice].map((name) => ({
    path: `pool "${name}"`,
    problem: "it is declared in two databases, and a pool's name is unique in its cluster",
    fix: "Rename one of them.",
  }));
}

/** All pools of a cluster share the connections of its node. DigitalOcean checks sizes that the catalog does not contain. */
function poolSumProblem(args: PostgresArgs): Check {
  const size = findNode(args.size);
  const pools = poolsOf(args);
  const sum = pools.reduce((total, pool) => total + pool.size, 0);
  if (size === undefined || sum <= usableConnections(size)) return undefined;
  const list = pools.map((pool) => `${pool.name} ${pool.size}`).join(", ");
  return {
    path: "the pools",
    problem: `they require ${sum} server connections (${list}), and ${args.size} has ${usableConnections(size)}`,
    fix: "Shrink a pool, or select a larger size.",
  };
}

function replicaProblems(args: PostgresArgs, replica: PostgresReplica, index: number): Check[] {
  const path = `replicas[${index}]`;
  const { name, region, size, network } = replica;
  const elsewhere = region !== args.region && network === undefined;
  return [
    /^[a-z][a-z0-9-]{0,30}$/.test(name)
      ? undefined
      : { path: `${path}.name`, given: printable(name), allowed: 'up to 31 characters of a-z, 0-9 and "-", starting with a letter' },
    (args.replicas ?? []).findIndex((other) => other.name === name) === index
      ? undefined
      : { path: `${path}.name`, given: printable(name), problem: "another replica has this name", fix: "Rename one of them." },
    regionProblem(`${path}.region`, region),
    sizeProblem(`${path}.size`, "pg", size),
    elsewhere && (args.allow ?? []).length === 0
      ? {
          path,
          problem: `it is in ${region}, which the cluster's network does not reach, so its firewall would be empty`,
          fix: "Give it a network there, or name its clients in allow.",
        }
      : undefined,
  ];
}

function adoptionProblems(args: PostgresArgs): Check[] {
  const adoption = adoptionOf(args);
  if (adoption === undefined) return [];
  const unknown = (what: "databases" | "users" | "pools", declared: readonly string[]) =>
    adoption[what]
      .filter((name) => !declared.includes(name))
      .map((name) => ({
        path: `adopt.${what}`,
        given: printable(name),
        problem: "it is not declared",
        allowed: declared.join(", ") || "none, because none is declared",
        fix: "Declare it in databases, or remove it here.",
      }));
  return [
    adoptProblem(typeof args.adopt === "string" ? "adopt" : "adopt.cluster", adoption.cluster),
    ...unknown("databases", Object.keys(args.databases)),
    ...unknown("users", usersOf(args)),
    ...unknown(
      "pools",
      poolsOf(args).map((pool) => pool.name),
    ),
  ];
}
