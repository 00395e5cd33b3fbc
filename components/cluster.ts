/** What a Postgres and a Valkey cluster have in common: the arguments' limits, taking over one that exists, and what its credentials ask of the token. */

import type * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { MOST_NODES, NAMES } from "../catalog/limits.ts";
import { findNode } from "../catalog/nodes.ts";
import { printable } from "../catalog/problem.ts";
import { type Engine, findDatabaseRegion } from "../catalog/regions.ts";
import { type Check, componentError } from "./errors.ts";

/** When DigitalOcean may restart nodes for updates; a failover is part of it. */
export interface Maintenance {
  /** "sunday", in lower case (pulumi-digitalocean#185). */
  day: string;
  /** Hour in UTC: "04:00". */
  hour: string;
}

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

// ── Checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A region or size newer than the catalog passes, when it looks like one: DigitalOcean knows what it has. */
export function regionProblem(path: string, region: string): Check {
  if (/^[a-z]{3}[0-9]$/.test(region)) return undefined;
  const found = findDatabaseRegion(region);
  const given = printable(region);
  if (!("problem" in found)) return { path, given, allowed: `the slug in lower case, "${found.slug}"` };
  return { path, given, problem: found.problem, allowed: found.allowed.join(", ") };
}

/** A cluster is named as its component, so that an App spec can name it before it exists. */
export function nameProblem(name: string): Check {
  if (NAMES.cluster.pattern.test(name)) return undefined;
  return {
    path: "the component's name",
    given: printable(name),
    problem: "it becomes the cluster's name",
    allowed: NAMES.cluster.description,
    fix: "Rename the component.",
  };
}

export function sizeProblem(path: string, engine: Engine, size: string, nodes = 1): Check {
  const known = findNode(size);
  const given = printable(size);
  if (known === undefined) {
    if (/^[a-z0-9_]+(-[a-z0-9_]+)+$/.test(size)) return undefined;
    return { path, given, allowed: 'a database size slug, such as "db-s-1vcpu-2gb" (`doctl databases options slugs` lists them)' };
  }
  if (!known.engines.includes(engine))
    return {
      path,
      given,
      problem: `DigitalOcean has this size for ${known.engines.join(" and ")} only`,
      fix: 'Use another size, such as "db-s-1vcpu-2gb".',
    };
  if (nodes > 1 && !known.standby)
    return {
      path,
      given,
      problem: `this size has no standby nodes, and nodes is ${nodes}`,
      fix: 'Use "db-s-1vcpu-2gb" or larger, or nodes: 1.',
    };
  return undefined;
}

export function nodesProblem(nodes: number): Check {
  if (Number.isInteger(nodes) && nodes >= 1 && nodes <= MOST_NODES) return undefined;
  return { path: "nodes", given: String(nodes), allowed: `1 to ${MOST_NODES}: the primary and its standbys` };
}

export function maintenanceProblem(window: Maintenance | undefined): Check {
  if (window === undefined) return undefined;
  if (!DAYS.includes(window.day)) return { path: "maintenance.day", given: printable(window.day), allowed: DAYS.join(", ") };
  if (!/^([01]\d|2[0-3]):00$/.test(window.hour))
    return { path: "maintenance.hour", given: printable(window.hour), allowed: 'a full hour in UTC, "00:00" to "23:00"' };
  return undefined;
}

export function adoptProblem(path: string, id: string | undefined): Check {
  if (id === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return undefined;
  return { path, given: printable(id), allowed: "a cluster's id, as `doctl databases list` prints it" };
}

// ── A cluster that exists ───────────────────────────────────────────────────────────────────────────────────────────

/**
 * What an adopted cluster keeps, whatever the program says. A different name, engine, network or project would make the provider replace it, and a
 * different region would move it: both with the data. Its tags are left as they are, unless the program names some.
 */
export function keptOnAdoption(tags: readonly string[] | undefined): string[] {
  return ["name", "engine", "privateNetworkUuid", "projectId", "region", ...(tags === undefined ? ["tags"] : [])];
}

/** The id, given out once it is sure that the cluster is what the program takes it for: these two are ignored above, so nothing else would tell. */
export function adoptedId(
  component: pulumi.Resource,
  cluster: digitalocean.DatabaseCluster,
  expected: { engine: string; region: string },
): pulumi.Output<string> {
  return pulumi.all([cluster.id, cluster.engine, cluster.region]).apply(([id, engine, region]) => {
    if (engine !== expected.engine)
      throw componentError(component, `adopt: cluster ${id} runs ${engine}, not ${expected.engine}. Name another cluster.`);
    if (region !== expected.region) {
      throw componentError(
        component,
        `adopt: cluster ${id} is in ${region}, and region is "${expected.region}". Set region to "${region}", and give the component a network there.`,
      );
    }
    return id;
  });
}

// ── Credentials ─────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * A password as it may be used: secret, and there. DigitalOcean hides passwords from a token without `database:view_credentials` and answers as if all
 * were well (terraform-provider-digitalocean#1165).
 */
export function credential(component: pulumi.Resource, user: string, password: pulumi.Output<string>): pulumi.Output<string> {
  return pulumi.secret(
    password.apply((value) => {
      if (value) return value;
      throw componentError(
        component,
        `DigitalOcean gave no password for "${user}". The API token lacks the scope database:view_credentials. Make one that has it, set it with \`pulumi config set --secret digitalocean:token\`, and run \`pulumi refresh\`.`,
      );
    }),
  );
}
