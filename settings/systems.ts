/** The settings of each system: domains, sources, sizes, phase and connections. */
import { otherSlot } from "../catalog/alternate-user.ts";
import { findInstance, instanceSlugs } from "../catalog/instances.ts";
import { NAMES } from "../catalog/limits.ts";
import { findNode } from "../catalog/nodes.ts";
import { spacesNear } from "../catalog/regions.ts";
import { dataMappings } from "../systems/data/index.ts";
import type { Component, System } from "../systems/definition.ts";
import { allocate, type Claim, formatBill, nodeFor, type Share } from "./budget.ts";
import { consumersOf } from "./connections.ts";
import { connectionsFor } from "./load.ts";
import { appRegionOf } from "./networks.ts";
import { keyOf, type Path } from "./problems.ts";
import { isSized } from "./schema.ts";
import {
  type BackupSettings,
  type Environment,
  hasDisk,
  type Phase,
  type PostgresCluster,
  type PostgresSettings,
  type Settings,
  type SystemSettings,
  type ValkeySettings,
} from "./settings.ts";
import { defined, type SelectedSystem, type Stack } from "./stack.ts";
import { storesOf } from "./valkey.ts";

/** Without the operator keys, which operator.ts adds. */
export type SystemWithoutKeys = Omit<SystemSettings, "operatorSecrets" | "operatorSettings">;

export function systemsOf(stack: Stack, postgres: PostgresSettings, valkey: ValkeySettings, backups: BackupSettings): SystemWithoutKeys[] {
  checkNames(stack);
  const sizes = new Map(stack.systems.map((selected) => [selected, sizesOf(selected, stack)]));
  const connections = connectionsOf(stack, postgres, sizes);
  stack.notices.push(...loadNotices(stack, connections, sizes));
  const domains = domainsOf(stack);
  const repos = reposOf(stack);
  const buckets = bucketsOf(stack, backups.bucketPrefix);
  return stack.systems.map((selected) => {
    const { system, requested, region, features } = selected;
    const phase = phaseOf(selected, stack, backups);
    return {
      system,
      region: region.slug,
      appRegion: appRegionOf(region),
      cluster: postgres.clusters.find(({ systems }) => systems.includes(system.name))!.key,
      stores: Object.fromEntries(storesOf(selected).map(([name]) => [name, clusterOf(`${system.name}/${name}`, valkey)])),
      buckets: buckets.get(selected)!,
      features,
      domains: domains.get(selected)!,
      repos: repos.get(selected)!,
      sizes: sizes.get(selected)!,
      phase,
      connections: connections.get(selected)!,
      rotated: requested.rotated ?? stack.requested.stack.rotated ?? "never",
      credentials: credentialsOf(selected, stack),
    };
  });
}

function clusterOf(store: string, valkey: ValkeySettings): string {
  return valkey.clusters.find(({ stores }) => stores.includes(store))!.key;
}

function componentsOf({ system, features }: SelectedSystem): [string, Component][] {
  return Object.values(system.apps)
    .flatMap((app) => Object.entries(app.components))
    .filter(([, { feature }]) => feature === undefined || features.has(feature));
}

/** App names are unique in an account, so the stack's suffix is part of them. */
function checkNames({ systems, suffix, problems }: Stack): void {
  for (const { system } of systems) {
    for (const { name } of Object.values(system.apps)) {
      if (NAMES.app.pattern.test(`${name}${suffix}`)) continue;
      const room = 32 - name.length - 1;
      problems.add({
        at: ["suffix"],
        given: suffix.slice(1),
        problem: `with it an app is called ${name}${suffix}, ${name.length + suffix.length} characters, which App Platform refuses`,
        allowed: `${NAMES.app.description}; ${Math.max(0, room)} are left after ${name}`,
        fix: [{ set: ["suffix"], to: "<short name>" }],
      });
    }
  }
}

/** Names of buckets are unique among all customers, so they begin with the prefix of the backups' buckets and contain the stack. */
function bucketsOf({ systems, suffix, problems, notices }: Stack, prefix: string): Map<SelectedSystem, SystemSettings["buckets"]> {
  const own = prefix.endsWith(suffix) ? prefix : `${prefix}${suffix}`;
  return new Map(
    systems.map((selected) => {
      const { system, key, features, region } = selected;
      const declared = Object.entries(system.buckets ?? {});
      const isOn = ({ feature }: { readonly feature?: string }) => feature === undefined || features.has(feature);
      for (const [bucket, definition] of declared) {
        if (isOn(definition)) continue;
        notices.push(
          `${system.title} has no bucket "${bucket}": App Platform deletes the files that it stores at each restart. ` +
            `Add "${definition.feature}" to slipway:${key}.features.`,
        );
      }
      const active = declared
        .filter(([, definition]) => isOn(definition))
        .map(([bucket]) => {
          const name = `${own}-${system.name}-${bucket}`;
          if (!NAMES.bucket.pattern.test(name))
            problems.add({
              at: ["backups", "bucketPrefix"],
              given: prefix,
              problem: `with it the bucket "${bucket}" of ${system.title} is called ${name}, ${name.length} characters`,
              allowed: NAMES.bucket.description,
              fix: [{ set: ["backups", "bucketPrefix"], to: "<shorter prefix>" }],
            });
          return [bucket, { name, region: spacesNear(region.slug) }] as const;
        });
      return [selected, Object.fromEntries(active)] as const;
    }),
  );
}

function domainsOf({ systems, defaults, problems }: Stack): Map<SelectedSystem, Record<string, string>> {
  const taken = new Map<string, string>();
  return new Map(
    systems.map((selected) => {
      const { system, key, requested } = selected;
      const domains: Record<string, string> = {};
      for (const [app, { domain: declared }] of Object.entries(system.apps)) {
        const domain = requested.domains?.[app] ?? (defaults.domains ? declared : undefined);
        if (domain === undefined || domain === "none") continue;
        const at: Path = [key, "domains", app];
        const holder = taken.get(domain);
        if (holder !== undefined) {
          problems.add({
            at,
            given: domain,
            problem: `${holder} has this domain already, and a domain serves one app`,
            allowed: "a domain of its own for each app, or none",
            fix: [{ set: at, to: "none" }],
          });
        }
        taken.set(domain, keyOf(at));
        domains[app] = domain;
      }
      return [selected, domains];
    }),
  );
}

function reposOf(stack: Stack): Map<SelectedSystem, SystemSettings["repos"]> {
  const repos = stack.systems.map((selected) => {
    const chosen = componentsOf(selected).map(([name, { source }]) => {
      const { repo = source.repo, branch = source.branch } = selected.requested.repos?.[name] ?? {};
      return [name, { repo, branch }] as const;
    });
    return [selected, Object.fromEntries(chosen)] as const;
  });
  return new Map(repos);
}

function sizesOf(selected: SelectedSystem, stack: Stack): SystemSettings["sizes"] {
  return Object.fromEntries(
    componentsOf(selected).flatMap(([name, component]) => {
      if (!isSized(component)) return [];
      const chosen = { size: component.size, instances: component.instances, ...defined(selected.requested.sizes?.[name] ?? {}) };
      checkInstances([selected.key, "sizes", name], chosen, stack);
      return [[name, chosen]];
    }),
  );
}

function checkInstances(at: Path, { size, instances }: { size: string; instances: number }, stack: Stack): void {
  if (instances === 1 || !findInstance(size)?.single) return;
  const several = instanceSlugs(({ single }) => !single);
  stack.problems.add({
    at: [...at, "size"],
    given: size,
    problem: `${instances} instances are requested, and this size allows one`,
    allowed: several.join(", "),
    fix: [{ set: [...at, "size"], to: several[0]! }],
  });
}

/** The user that is used cannot be the one that is retired. */
function credentialsOf({ key, requested }: SelectedSystem, { problems }: Stack): SystemSettings["credentials"] {
  const credentials = defined(requested.credentials ?? {});
  return Object.fromEntries(
    Object.entries(credentials).map(([kind, credential]) => {
      const { active, since, retiring } = credential;
      if (retiring === active) {
        const at = [key, "credentials", kind, "retiring"];
        problems.add({
          at,
          given: retiring,
          problem: "the apps use this user, so its password cannot be replaced",
          allowed: `${otherSlot(active)}, or nothing`,
          fix: [{ set: at, to: otherSlot(active) }],
        });
      }
      return [kind, { active, ...(since !== undefined && { since }), ...(retiring !== undefined && { retiring }) }];
    }),
  );
}

/** Only a product whose data was in files has phases. */
function phaseOf(
  { system, key, requested }: SelectedSystem,
  { environment, problems, notices }: Stack,
  backups: BackupSettings,
): SystemSettings["phase"] {
  const { phase } = requested;
  if (phase === undefined) return "P3";
  const at = [key, "phase"];
  const allowed = phasesIn({ environment, backups });
  if (!hasPhases(system)) {
    problems.add({
      at,
      given: phase,
      problem: `${system.title} reads no cutover flag, because its data has always been in Postgres`,
      allowed: "nothing",
      fix: [{ remove: at }],
    });
  } else if (phase === "P2" && !allowed.includes(phase)) {
    // Recipients that were refused are reported already.
    if (problems.touches(["backups"])) return phase;
    problems.add({
      at,
      given: phase,
      problem: "the JSON copy is then an export of the worker that makes backups, and nothing makes backups in this stack",
      allowed: 'P3; P2 with slipway:backups.recipients: see docs/backup.md, "Let the stack make backups"',
      fix: [{ set: at, to: "P3" }],
    });
  } else if (!allowed.includes(phase)) {
    problems.add({
      at,
      given: phase,
      problem: "the product reads JSON files then, and App Platform deletes a container's files at every restart",
      allowed: `${allowed.includes("P2") ? "P2, P3" : "P3; P2 with slipway:backups.recipients"}; P0 and P1 where the environment is local`,
      fix: [{ set: at, to: allowed[0]! }],
    });
  } else if (phase === "P2" && !hasDisk(environment) && dataMappings[system.name] === undefined) {
    notices.push(`Nothing exports the JSON copy of ${system.title} in P2: systems/data has no mapping of its files. See docs/data.md.`);
  }
  return phase;
}

/** Those in which the product reads JSON files need an app with a disk; P2 needs that or the worker that exports the JSON copy. */
export function phasesIn({ environment, backups }: Pick<Settings, "environment" | "backups">): readonly Phase[] {
  if (hasDisk(environment)) return ["P0", "P1", "P2", "P3"];
  return backups.schedule === undefined ? ["P3"] : ["P2", "P3"];
}

/** Whether the worker that makes the backups of a system exports its JSON copy too. */
export const exportsJson = ({ system, phase }: Pick<SystemSettings, "system" | "phase">, environment: Environment): boolean =>
  phase === "P2" && !hasDisk(environment) && dataMappings[system.name] !== undefined;

export function hasPhases(system: System): boolean {
  return Object.values(system.apps).some((app) =>
    Object.values(app.components).some((component) => Object.values(component.env).some(({ from }) => from === "phase")),
  );
}

// ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────────

type Sizes = ReadonlyMap<SelectedSystem, SystemSettings["sizes"]>;

function connectionsOf(stack: Stack, postgres: PostgresSettings, sizes: Sizes): Map<SelectedSystem, Record<string, number>> {
  const allocated = new Map<SelectedSystem, Record<string, number>>(stack.systems.map((selected) => [selected, {}]));
  for (const cluster of postgres.clusters) {
    const users = stack.systems.filter(({ system }) => cluster.systems.includes(system.name));
    for (const { claim, size } of sharesOf(cluster, users, stack, sizes)) {
      const selected = users.find(({ system }) => system.name === claim.system)!;
      if (claim.adjustable) allocated.get(selected)![claim.name] = size;
    }
  }
  return allocated;
}

function sharesOf(cluster: PostgresCluster, users: readonly SelectedSystem[], stack: Stack, sizes: Sizes): readonly Share[] {
  const claims = users.flatMap((selected) => claimsOf(selected, sizes.get(selected)!, stack));
  // A problem about the sum of refused numbers would only confuse.
  const inputs: Path[] = [
    ["postgres"],
    ...users.flatMap(({ key }) => [
      [key, "postgres"],
      [key, "sizes"],
      [key, "connections"],
      [key, "features"],
    ]),
  ];
  if (stack.problems.touches(...inputs)) return [];
  const budget = allocate(findNode(cluster.size)!, claims);
  if (budget.fits) {
    stack.notices.push(...shrunk(cluster, budget.shares));
    return budget.shares;
  }
  const at = cluster.key === "shared" ? ["postgres", "size"] : [users[0]!.key, "postgres", "size"];
  const larger = nodeFor(budget.total, cluster.nodes)?.slug;
  stack.problems.add({
    at,
    given: cluster.size,
    problem: `the connections to Postgres cluster "${cluster.key}" are more than its node has`,
    details: formatBill(budget),
    allowed: [
      ...(larger === undefined ? [] : [`${larger} or larger`]),
      "smaller numbers under connections",
      "fewer instances",
      ...(users.length > 1 ? ["the dedicated layout"] : []),
    ].join("; "),
    fix: larger === undefined ? [] : [{ set: at, to: larger }],
  });
  return [];
}

/** Where the API's own pools cannot serve the users that the product's documents expect. Other environments serve fewer. */
function loadNotices({ systems, environment }: Stack, connections: ReturnType<typeof connectionsOf>, sizes: Sizes): string[] {
  if (environment !== "prod") return [];
  return systems.flatMap((selected) => {
    const { system } = selected;
    const users = system.postgres.sizing?.concurrentUsers;
    const own = Object.entries(connections.get(selected)!).filter(([name]) => name.startsWith("api/"));
    if (users === undefined || own.length === 0) return [];
    const instances = sizes.get(selected)!.api!.instances;
    const available = own.reduce((sum, [, size]) => sum + size, 0) * instances;
    const needed = connectionsFor(users);
    return available >= needed
      ? []
      : [
          `${system.title} is expected to serve ${users} users at a time, for which its API needs about ${needed} connections; it has ${available}. Select a larger node, or fewer other clients. See docs/scale.md.`,
        ];
  });
}

function claimsOf(selected: SelectedSystem, sizes: SystemSettings["sizes"], stack: Stack): Claim[] {
  const { system, key, requested, features } = selected;
  const consumers = consumersOf(system, { features, sizes });
  for (const [name, figure] of Object.entries(defined(requested.connections ?? {}))) {
    const at = [key, "connections", name];
    const consumer = consumers.find((candidate) => candidate.name === name);
    if (consumer === undefined) {
      stack.problems.add({
        at,
        given: figure,
        problem: "the feature that would use it is off in this stack",
        allowed: consumers
          .filter(({ adjustable }) => adjustable)
          .map((candidate) => candidate.name)
          .join(", "),
        fix: [{ remove: at }],
      });
    } else if (figure < consumer.least) {
      stack.problems.add({
        at,
        given: figure,
        problem: `${system.title} does not work with fewer than ${consumer.least}`,
        allowed: `${consumer.least} or more`,
        fix: [{ set: at, to: String(consumer.least) }],
      });
    }
  }
  return consumers.map((consumer) => {
    const explicit = requested.connections?.[consumer.name];
    return explicit === undefined ? consumer : { ...consumer, explicit };
  });
}

function shrunk(cluster: PostgresCluster, shares: readonly Share[]): string[] {
  const below = shares.filter(({ claim, size }) => claim.explicit === undefined && size < claim.wish);
  if (below.length === 0) return [];
  const each = below.map(({ claim, size }) => `${claim.system} ${claim.name} ${size} of ${claim.wish}`);
  return [`Connections of Postgres cluster "${cluster.key}" (${cluster.size}) are fewer than requested: ${each.join(", ")}.`];
}
