/** The Postgres clusters of a stack, and the checks of each. */
import { findNode, type NodeSize, smallestNode, usableConnections } from "../catalog/nodes.ts";
import type { Engine } from "../catalog/regions.ts";
import { findMajor, majorsOn } from "../catalog/versions.ts";
import type { System } from "../systems/definition.ts";
import { AUTOSCALE, MAINTENANCE } from "./defaults.ts";
import { nearest } from "./nearest.ts";
import type { Path } from "./problems.ts";
import type { RequestedPostgres } from "./schema.ts";
import { databaseUsers, type PostgresCluster, type PostgresSettings } from "./settings.ts";
import { defined, type SelectedSystem, type Stack } from "./stack.ts";

/** A cluster in the making: who is on it, what was requested of it, and where that was written. */
interface Draft {
  readonly key: string;
  readonly systems: readonly SelectedSystem[];
  /** Those that have moved to a cluster of their own, and whose database stays here. */
  readonly kept: readonly SelectedSystem[];
  readonly requested: RequestedPostgres;
  /** The path of a field: at the system where it is set there, else at the stack. */
  readonly at: (field: keyof RequestedPostgres) => Path;
}

export function postgresOf(stack: Stack): PostgresSettings {
  const requested = stack.requested.stack.postgres ?? {};
  const layout = requested.layout ?? stack.defaults.postgres.layout;
  const separate = layout === "dedicated" ? stack.systems : stack.systems.filter(hasAdopted);
  const drafts = [sharedDraft(stack, requested, separate), ...separate.map((system) => ownDraft(system, layout, requested))];
  if (layout === "dedicated" && requested.adopt !== undefined && drafts.filter(isUsed).length > 1)
    refuseAmbiguousAdoption(stack, requested.adopt);
  return { clusters: drafts.filter(isUsed).map((draft) => clusterOf(draft, stack)) };
}

/** Everyone with a database on it. */
const tenantsOf = ({ systems, kept }: Draft): readonly SelectedSystem[] => [...systems, ...kept];
const isUsed = (draft: Draft): boolean => tenantsOf(draft).length > 0;

/** In the shared layout, a system gets a cluster of its own only with its data in it: a new one would be empty. */
const hasAdopted = ({ requested }: SelectedSystem): boolean => requested.postgres?.adopt !== undefined;

function sharedDraft(stack: Stack, requested: RequestedPostgres, separate: readonly SelectedSystem[]): Draft {
  const systems = stack.systems.filter((system) => !separate.includes(system));
  for (const { key, requested: own, region } of systems) {
    if (own.postgres !== undefined) {
      stack.problems.add({
        at: [key, "postgres"],
        problem: "the layout is shared: one cluster for all systems, described in slipway:postgres",
        allowed: "nothing here, or the dedicated layout, or adopt, the id of a cluster that has the data of this system",
        fix: [{ remove: [key, "postgres"] }, { set: ["postgres", "layout"], to: "dedicated" }],
      });
    }
    if (region !== stack.region) refuseDistance(stack, key, region.slug, ["postgres", "layout"], "Postgres");
  }
  const kept = separate.filter(({ requested }) => requested.postgres?.keepShared);
  for (const system of kept) if (!hasAdopted(system)) refuseEmptyCluster(stack, system);
  return { key: "shared", systems, kept, requested, at: (field) => ["postgres", field] };
}

function refuseEmptyCluster(stack: Stack, { key, system }: SelectedSystem): void {
  stack.problems.add({
    at: [key, "postgres", "keepShared"],
    problem: `${system.title} has no adopted cluster, so it would start on a new and empty one`,
    allowed: "true together with adopt, the id of a cluster that has its data",
    fix: [{ remove: [key, "postgres", "keepShared"] }, { set: [key, "postgres", "adopt"], to: "<cluster id>" }],
  });
}

/** What a stack says of its shared cluster does not hold for the cluster that a system adopted instead. */
function ownDraft(system: SelectedSystem, layout: Stack["defaults"]["postgres"]["layout"], stackWide: RequestedPostgres): Draft {
  const own = system.requested.postgres ?? {};
  const { adopt: _, adoptOnly: __, replicas: ___, ...inherited } = stackWide;
  return {
    key: system.system.name,
    systems: [system],
    kept: [],
    requested: { ...(layout === "shared" ? inherited : stackWide), ...own },
    at: (field) => (own[field] === undefined && stackWide[field] !== undefined ? ["postgres", field] : [system.key, "postgres", field]),
  };
}

/** A cluster is in one region. */
export function refuseDistance(stack: Stack, key: string, region: string, sharing: Path, what: string): void {
  stack.problems.add({
    at: [key, "region"],
    given: region,
    problem: `the systems share ${what}, and a shared cluster is in one region: ${stack.region.slug}`,
    allowed: `${stack.region.slug}, or clusters of its own`,
    fix: [{ remove: [key, "region"] }, { set: sharing, to: "dedicated" }],
  });
}

function refuseAmbiguousAdoption(stack: Stack, id: string): void {
  stack.problems.add({
    at: ["postgres", "adopt"],
    given: id,
    problem: "the layout is dedicated, so it does not say which system's cluster this is",
    allowed: "an id for one system",
    fix: [{ remove: ["postgres", "adopt"] }, { set: [stack.systems[0]!.key, "postgres", "adopt"], to: id }],
  });
}

function clusterOf(draft: Draft, stack: Stack): PostgresCluster {
  const { requested, kept } = draft;
  const systems = draft.systems.length > 0 ? draft.systems : kept;
  const size = requested.size ?? stack.defaults.postgres.size;
  const nodes = requested.nodes ?? stack.defaults.postgres.nodes;
  const node = findNode(size)!;
  const region = systems[0]!.region.slug;
  const major = majorOf(draft, stack);
  checkStandby("pg", draft.at("size"), node, nodes, stack);
  checkStorage(draft, node, stack);
  stack.notices.push(...sizingNotices(systems, node));
  const autoscale = autoscaleOf(draft, stack);
  const adoptOnly = adoptOnlyOf(draft, stack);
  return {
    key: draft.key,
    systems: draft.systems.map(({ system }) => system.name),
    kept: kept.map(({ system }) => system.name),
    region,
    major,
    size,
    nodes,
    replicas: replicasOf(draft, node, region, stack),
    maintenance: { ...MAINTENANCE, ...defined(requested.maintenance ?? {}) },
    ...(requested.storage === undefined ? {} : { storageMiB: requested.storage * 1024 }),
    ...(autoscale === undefined ? {} : { autoscale }),
    ...(requested.adopt === undefined ? {} : { adopt: requested.adopt }),
    ...(adoptOnly === undefined ? {} : { adoptOnly }),
  };
}

/** A misspelt name would adopt nothing, and the declared one would be created in addition. */
function adoptOnlyOf(draft: Draft, stack: Stack): PostgresCluster["adoptOnly"] {
  const { requested, at, systems } = draft;
  const { adopt, adoptOnly } = requested;
  if (adoptOnly === undefined) return undefined;
  if (adopt === undefined) {
    stack.problems.add({
      at: at("adoptOnly"),
      problem: "no cluster is adopted, so there is nothing to take over",
      allowed: "names together with adopt, the cluster's id",
      fix: [{ remove: at("adoptOnly") }, { set: at("adopt"), to: "<cluster id>" }],
    });
  }
  const tenants = tenantsOf(draft);
  const declared = {
    databases: tenants.map(({ system }) => system.postgres.database),
    users: tenants.flatMap(({ system, requested: { credentials = {} } }) => databaseUsers({ system, credentials })),
    pools: systems.flatMap(({ system }) => Object.keys(system.postgres.pools)),
  };
  for (const kind of ["databases", "users", "pools"] as const) {
    for (const [index, name] of (adoptOnly[kind] ?? []).entries()) {
      if (declared[kind].includes(name)) continue;
      const likely = nearest(name, declared[kind]);
      stack.problems.add({
        at: [...at("adoptOnly"), kind, index],
        given: name,
        problem: `it is not declared by ${tenants.map(({ system }) => system.title).join(" or ")}${likely === undefined ? "" : `; did you mean ${likely}?`}`,
        allowed: declared[kind].join(", ") || "none",
        fix: [
          likely === undefined ? { remove: [...at("adoptOnly"), kind, index] } : { set: [...at("adoptOnly"), kind, index], to: likely },
        ],
      });
    }
  }
  return { databases: [], users: [], pools: [], ...defined(adoptOnly) };
}

/** There is no default: an upgrade cannot be reverted, so a new release of this package must not cause one. @returns "" where it is missing */
function majorOf(draft: Draft, stack: Stack): string {
  const { version, adopt } = draft.requested;
  const offered = majorsOn(stack.today);
  if (version === undefined) {
    stack.problems.add({
      at: ["postgres", "version"],
      problem: "it is missing; there is no default, because an upgrade cannot be reverted",
      allowed: offered.join(", "),
      fix: [{ set: ["postgres", "version"], to: newest(draft, offered) }],
    });
    return "";
  }
  const at = draft.at("version");
  const strictest = tenantsOf(draft)
    .map(({ system }) => system)
    .reduce((one, other) => (other.postgres.minimumMajor > one.postgres.minimumMajor ? other : one));
  if (Number(version) < strictest.postgres.minimumMajor) {
    const least = strictest.postgres.minimumMajor;
    stack.problems.add({
      at,
      given: version,
      problem: `${strictest.title} needs Postgres ${least} or newer`,
      allowed: offered.filter((major) => Number(major) >= least).join(", "),
      fix: [{ set: at, to: String(least) }],
    });
  } else if (adopt === undefined && !offered.includes(version)) {
    stack.problems.add({
      at,
      given: version,
      problem: `DigitalOcean created new clusters of it until ${findMajor(version)!.available}`,
      allowed: `${offered.join(", ")}; an older one only for an adopted cluster`,
      fix: [{ set: at, to: newest(draft, offered) }],
    });
  }
  stack.notices.push(...majorNotices(draft, version, strictest, stack.today));
  return version;
}

function newest(draft: Draft, offered: readonly string[]): string {
  const measured = Math.max(...tenantsOf(draft).map(({ system }) => system.postgres.minimumMajor));
  return offered.includes(String(measured)) ? String(measured) : offered.at(-1)!;
}

const HALF_A_YEAR = 182;

function majorNotices(draft: Draft, version: string, strictest: System, today: string): string[] {
  const { endOfLife } = findMajor(version)!;
  const days = (Date.parse(endOfLife) - Date.parse(today)) / 86_400_000;
  const { minimumMajor } = strictest.postgres;
  return [
    ...(days < HALF_A_YEAR
      ? [`Postgres ${version} of cluster "${draft.key}" ends on ${endOfLife}; DigitalOcean then upgrades it at any time. Upgrade before.`]
      : []),
    ...(Number(version) > minimumMajor
      ? [
          `${strictest.title} was measured on Postgres ${minimumMajor}, cluster "${draft.key}" has ${version}. An existing cluster is upgraded in place: \`up\` does not wait for it, and it cannot be reverted.`,
        ]
      : []),
  ];
}

export function checkStandby(engine: Engine, at: Path, node: NodeSize, nodes: number, stack: Stack): void {
  if (nodes === 1 || node.standby) return;
  const least = smallestNode(engine, nodes, () => true)!.slug;
  stack.problems.add({
    at,
    given: node.slug,
    problem: `${nodes} nodes are requested, and a node of ${node.memoryGiB} GB cannot have a standby`,
    allowed: `${least} and larger, or one node`,
    fix: [{ set: at, to: least }],
  });
}

function checkStorage({ requested, at }: Draft, node: NodeSize, stack: Stack): void {
  if (requested.storage === undefined) return;
  if (requested.autoscale !== undefined && requested.autoscale.enabled !== false) {
    stack.problems.add({
      at: at("storage"),
      given: `${requested.storage} GiB`,
      problem: "autoscale is on too, and the disk would differ from a fixed size after every step",
      allowed: "a fixed size, or one that grows",
      fix: [{ remove: at("storage") }],
    });
  } else if (node.diskGiB !== undefined && requested.storage < node.diskGiB) {
    stack.problems.add({
      at: at("storage"),
      given: `${requested.storage} GiB`,
      problem: `${node.slug} comes with ${node.diskGiB} GiB, and a disk never shrinks`,
      allowed: `${node.diskGiB} GiB or more`,
      fix: [{ set: at("storage"), to: `${node.diskGiB} GiB` }],
    });
  }
}

/** Off by default where the disk has a fixed size. */
function autoscaleOf({ requested }: Draft, stack: Stack): PostgresCluster["autoscale"] {
  const wanted =
    requested.autoscale === undefined
      ? stack.defaults.postgres.autoscale && requested.storage === undefined
      : requested.autoscale.enabled !== false;
  if (!wanted) return undefined;
  return {
    thresholdPercent: requested.autoscale?.threshold ?? AUTOSCALE.thresholdPercent,
    incrementGiB: requested.autoscale?.increment ?? AUTOSCALE.incrementGiB,
  };
}

function replicasOf({ requested, at }: Draft, node: NodeSize, region: string, stack: Stack): PostgresCluster["replicas"] {
  const names = new Set<string>();
  return (requested.replicas ?? []).map((replica, index) => {
    const size = replica.size ?? node.slug;
    const here = [...at("replicas"), index];
    if (names.has(replica.name)) {
      stack.problems.add({
        at: [...here, "name"],
        given: replica.name,
        problem: "another replica has this name",
        allowed: "a name of its own for each replica",
        fix: [{ set: [...here, "name"], to: `${replica.name}-${index + 1}` }],
      });
    }
    names.add(replica.name);
    if (findNode(size)!.memoryGiB < node.memoryGiB) {
      stack.problems.add({
        at: [...here, "size"],
        given: size,
        problem: `a replica is at least as large as its cluster, which is ${node.slug}`,
        allowed: `${node.slug} or larger`,
        fix: [{ set: [...here, "size"], to: node.slug }],
      });
    }
    return { name: replica.name, region: replica.region ?? region, size };
  });
}

/** Notices where the node is smaller than the server in the product's documents. */
function sizingNotices(systems: readonly SelectedSystem[], node: NodeSize): string[] {
  return systems.flatMap(({ system }) => {
    const { connections = 0, effectiveCacheMiB = 0 } = system.postgres.sizing ?? {};
    const lacks = [
      ...(usableConnections(node) < connections ? [`${usableConnections(node)} connections of ${connections}`] : []),
      ...(node.memoryGiB * 1024 < effectiveCacheMiB ? [`${node.memoryGiB * 1024} MiB for a cache of ${effectiveCacheMiB} MiB`] : []),
    ];
    return lacks.length === 0 ? [] : [`The documents of ${system.title} require more than ${node.slug} has: ${lacks.join(", ")}.`];
  });
}
