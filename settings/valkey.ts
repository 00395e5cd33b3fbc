/**
 * The Valkey clusters of a stack, and the stores on each. Eviction, persistence and database numbers are properties of a whole cluster, so stores that
 * cannot share one are refused here.
 */
import { VALKEY_DATABASES as LIMIT } from "../catalog/limits.ts";
import { findNode, type NodeSize, nodeSizes } from "../catalog/nodes.ts";
import { VALKEY_VERSIONS } from "../catalog/versions.ts";
import type { Keyspace, Store } from "../systems/definition.ts";
import { MAINTENANCE, VALKEY_DATABASES } from "./defaults.ts";
import { checkStandby, refuseDistance } from "./postgres.ts";
import type { Path } from "./problems.ts";
import type { RequestedValkey } from "./schema.ts";
import type { ValkeyCluster, ValkeySettings } from "./settings.ts";
import { defined, type SelectedSystem, type Stack } from "./stack.ts";

type Class = Store["class"];

interface OwnedStore {
  readonly owner: SelectedSystem;
  readonly name: string;
  readonly store: Store;
}

interface Draft {
  readonly key: string;
  readonly class: Class;
  readonly stores: readonly OwnedStore[];
  readonly requested: RequestedValkey;
  /** The path of this kind of node: at the system where it is set there, else at the stack. */
  readonly at: Path;
}

export function valkeyOf(stack: Stack): ValkeySettings {
  const requested = stack.requested.stack.valkey ?? {};
  const layout = requested.layout ?? stack.defaults.valkey.layout;
  const isShared = requested.sharing === "shared";
  const stores = stack.systems.flatMap((owner) => storesOf(owner).map(([name, store]) => ({ owner, name, store })));
  const groups = isShared ? [{ prefix: "", owner: undefined, stores }] : stack.systems.map((owner) => ownGroup(owner, stores));
  if (isShared) checkShared(stack, stores);
  if (layout === "single") checkSingle(stack);
  const drafts = groups.flatMap((group) => draftsOf(group, layout, requested));
  checkAdoption(drafts, stack);
  return { clusters: drafts.map((draft) => clusterOf(draft, stack)) };
}

/** Stores whose feature is on. */
export function storesOf({ system, features }: SelectedSystem): [string, Store][] {
  return Object.entries(system.stores).filter(([, { feature }]) => feature === undefined || features.has(feature));
}

interface Group {
  readonly prefix: string;
  readonly owner: SelectedSystem | undefined;
  readonly stores: readonly OwnedStore[];
}

function ownGroup(owner: SelectedSystem, stores: readonly OwnedStore[]): Group {
  return { prefix: `${owner.system.name}-`, owner, stores: stores.filter((store) => store.owner === owner) };
}

function draftsOf({ prefix, owner, stores }: Group, layout: "split" | "single", stackWide: RequestedValkey): Draft[] {
  const own = owner?.requested.valkey ?? {};
  const draft = (name: string, kind: Class, node: Class, held: readonly OwnedStore[]): Draft[] =>
    held.length === 0
      ? []
      : [
          {
            key: `${prefix}${name}`,
            class: kind,
            stores: held,
            requested: {
              ...stackWide,
              ...own,
              [node]: { ...stackWide[node], ...own[node] },
              maintenance: { ...stackWide.maintenance, ...own.maintenance },
            },
            at:
              owner !== undefined && (own[node] !== undefined || stackWide[node] === undefined)
                ? [owner.key, "valkey", node]
                : ["valkey", node],
          },
        ];
  if (layout === "split")
    return (["state", "cache"] as const).flatMap((kind) =>
      draft(
        kind,
        kind,
        kind,
        stores.filter(({ store }) => store.class === kind),
      ),
    );
  // One cluster has one policy, and state needs the stricter one.
  return draft("single", stores.some(({ store }) => store.class === "state") ? "state" : "cache", "state", stores);
}

function checkShared(stack: Stack, stores: readonly OwnedStore[]): void {
  for (const { key, requested, region } of new Set(stores.map(({ owner }) => owner))) {
    if (region !== stack.region) refuseDistance(stack, key, region.slug, ["valkey", "sharing"], "Valkey");
    if (requested.valkey === undefined) continue;
    stack.problems.add({
      at: [key, "valkey"],
      problem: "all systems share their Valkey clusters, described in slipway:valkey",
      allowed: "nothing here, or sharing dedicated",
      fix: [{ remove: [key, "valkey"] }, { set: ["valkey", "sharing"], to: "dedicated" }],
    });
  }
}

function checkSingle(stack: Stack): void {
  const places: [Path, RequestedValkey | undefined][] = [
    [["valkey"], stack.requested.stack.valkey],
    ...stack.systems.map(({ key, requested }): [Path, RequestedValkey | undefined] => [[key, "valkey"], requested.valkey]),
  ];
  for (const [at, requested] of places) {
    if (requested?.cache === undefined) continue;
    stack.problems.add({
      at: [...at, "cache"],
      problem: "the layout is single: one cluster with the policies of state, described under state",
      allowed: "state, or the split layout",
      fix: [{ remove: [...at, "cache"] }, { set: ["valkey", "layout"], to: "split" }],
    });
  }
}

/** An id adopts one cluster. */
function checkAdoption(drafts: readonly Draft[], stack: Stack): void {
  for (const kind of ["state", "cache"] as const) {
    const takers = drafts.filter(({ at }) => at.length === 2 && at[1] === kind);
    const id = stack.requested.stack.valkey?.[kind]?.adopt;
    const [first] = takers;
    if (id === undefined || first === undefined || takers.length < 2) continue;
    stack.problems.add({
      at: ["valkey", kind, "adopt"],
      given: id,
      problem: `${takers.map(({ key }) => key).join(" and ")} are clusters of their own, so it does not say which one this is`,
      allowed: "an id for one system",
      fix: [{ remove: ["valkey", kind, "adopt"] }, { set: [first.stores[0]!.owner.key, "valkey", kind, "adopt"], to: id }],
    });
  }
}

function clusterOf(draft: Draft, stack: Stack): ValkeyCluster {
  const { requested, stores, at } = draft;
  const kind = at.at(-1) as Class;
  const { size, nodes, adopt } = { ...stack.defaults.valkey[kind], ...defined(requested[kind] ?? {}) } as {
    size: string;
    nodes: number;
    adopt?: string;
  };
  const { region } = stores[0]!.owner;
  const node = findNode(size)!;
  checkStandby("valkey", [...at, "size"], node, nodes, stack);
  checkMemory(draft, node, stack);
  checkDurability(draft, stack);
  if (!region.engines.includes("valkey")) refuseRegion(stores[0]!.owner, stack);
  return {
    key: draft.key,
    class: draft.class,
    region: region.slug,
    stores: stores.map(({ owner, name }) => `${owner.system.name}/${name}`),
    version: requested.version ?? VALKEY_VERSIONS.at(-1)!,
    size,
    nodes,
    databases: databasesOf(draft, stack),
    maintenance: { ...MAINTENANCE, ...defined(requested.maintenance ?? {}) },
    ...(adopt === undefined ? {} : { adopt }),
  };
}

/** Half of a node's memory: a snapshot forks the server, and pages that change meanwhile are copied. */
function checkMemory({ stores, at, key }: Draft, node: NodeSize, stack: Stack): void {
  const wanted = stores.reduce((sum, { store }) => sum + store.memoryMiB, 0);
  if (wanted * 2 <= node.memoryGiB * 1024) return;
  const larger = nodeSizes("valkey").find(({ memoryGiB }) => memoryGiB * 1024 >= wanted * 2);
  stack.problems.add({
    at: [...at, "size"],
    given: node.slug,
    problem: `cluster "${key}" needs ${wanted} MiB (${stores.map(({ owner, name, store }) => `${owner.system.name} ${name} ${store.memoryMiB}`).join(", ")}), and half of a node's memory is reserved for snapshots`,
    allowed: larger === undefined ? "fewer stores on one cluster" : `${larger.slug} or larger`,
    fix:
      larger !== undefined
        ? [{ set: [...at, "size"], to: larger.slug }]
        : new Set(stores.map(({ owner }) => owner)).size > 1
          ? [{ set: ["valkey", "sharing"], to: "dedicated" }]
          : [],
  });
}

/** When memory runs out, allkeys_lru evicts any key of any database, durable ones included. */
function checkDurability({ class: kind, stores, key }: Draft, stack: Stack): void {
  if (kind === "state") return;
  for (const { owner, name, space, keyspace } of keyspacesOf(stores)) {
    if (!keyspace.durable) continue;
    const hasState = storesOf(owner).some(([, store]) => store.class === "state");
    stack.problems.add({
      at: ["valkey", "layout"],
      problem: `${owner.system.name} declares its keyspace ${space} durable and keeps it in store ${name}, but cluster "${key}" evicts any key when it is full (allkeys_lru)`,
      allowed: "a durable keyspace in a store of class state",
      fix: hasState ? [{ set: ["valkey", "layout"], to: "single" }] : [],
    });
  }
}

/** Each number once on a cluster. A store without keyspaces uses database 0, the default of a client. */
function databasesOf({ key, stores }: Draft, stack: Stack): number {
  const taken = new Map<number, { readonly owner: SelectedSystem; readonly label: string }>();
  for (const { owner, space, keyspace } of keyspacesOf(stores)) {
    const label = `${owner.system.name} ${space}`;
    const other = taken.get(keyspace.database);
    if (other !== undefined && other.owner !== owner) {
      stack.problems.add({
        at: ["valkey", "sharing"],
        given: "shared",
        problem: `on cluster "${key}" database ${keyspace.database} would be both ${other.label} and ${label}`,
        allowed: "dedicated, or systems whose numbers differ",
        fix: [{ set: ["valkey", "sharing"], to: "dedicated" }],
      });
    }
    taken.set(keyspace.database, { owner, label });
  }
  reportSharedState(key, stores, stack);
  return Math.min(LIMIT.most, Math.max(VALKEY_DATABASES, ...[...taken.keys()].map((number) => number + 1)));
}

/** A managed Valkey has one login, `default`, for all of its databases. */
function reportSharedState(key: string, stores: readonly OwnedStore[], stack: Stack): void {
  const owners = [...new Set(stores.filter(({ store }) => store.class === "state").map(({ owner }) => owner))];
  if (owners.length < 2) return;
  const titles = owners.map(({ system }) => system.title).join(" and ");
  if (stack.environment === "prod" && stack.requested.stack.valkey?.sharedState !== "accepted")
    stack.problems.add({
      at: ["valkey", "sharing"],
      given: "shared",
      problem: `${titles} keep state on cluster "${key}", which has one password: each product can read, change and flush the keys of the others`,
      allowed: "dedicated, or sharedState accepted",
      fix: [{ set: ["valkey", "sharing"], to: "dedicated" }],
    });
  stack.notices.push(`${titles} share the password of Valkey cluster "${key}": each can read, change and flush the state of the others.`);
}

type OwnedKeyspace = OwnedStore & { readonly space: string; readonly keyspace: Pick<Keyspace, "database" | "durable"> };

function keyspacesOf(stores: readonly OwnedStore[]): OwnedKeyspace[] {
  return stores.flatMap((stored): OwnedKeyspace[] => {
    const { owner, name } = stored;
    const spaces = Object.entries(owner.system.keyspaces).filter(([, keyspace]) => keyspace.store === name);
    if (spaces.length === 0) return [{ ...stored, space: `store ${name}`, keyspace: { database: 0, durable: false } }];
    return spaces.map(([space, keyspace]) => ({ ...stored, space, keyspace }));
  });
}

function refuseRegion({ key, requested, region }: SelectedSystem, stack: Stack): void {
  const at = requested.region === undefined ? ["region"] : [key, "region"];
  stack.problems.add({
    at,
    given: region.slug,
    problem: "DigitalOcean runs no Valkey there",
    allowed: "a region with Valkey: every other one",
    fix: [{ set: at, to: stack.region.slug === region.slug ? "nyc1" : stack.region.slug }],
  });
}
