/** A plan, a state and an account of one small stack, which each test changes. */
import type { PlannedResource, Value } from "../../../engine/plan.ts";
import { type AccountObject, kindOf, TYPES } from "../kinds.ts";
import type { State, StateResource } from "../state.ts";

export const PROJECT = "shop";
export const STACK = "qa";
export const IDS = {
  vpc: "11111111-0000-4000-8000-000000000001",
  cluster: "22222222-0000-4000-8000-000000000002",
  app: "33333333-0000-4000-8000-000000000003",
};

const HOST = `urn:pulumi:${STACK}::${PROJECT}::`;
export const urnOf = (type: string, name: string): string => `${HOST}shop:index:Postgres$${type}::${name}`;
export const COMPONENT = `${HOST}shop:index:Postgres::orders`;
export const STACK_URN = `${HOST}pulumi:pulumi:Stack::${PROJECT}-${STACK}`;

export interface Declaration {
  readonly type: string;
  /** In the program. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, Value>>;
  /** The program's name of the cluster or check that contains it. */
  readonly owner?: { readonly type: string; readonly name: string };
  readonly options?: PlannedResource["options"];
}

export function planned({ type, name, inputs, owner, options = { version: "4.80.1" } }: Declaration): PlannedResource {
  const input = kindOf(type)?.owner;
  const dependencies = owner === undefined ? [] : [urnOf(owner.type, owner.name)];
  return {
    ...{ urn: urnOf(type, name), type, name, parent: COMPONENT, custom: true, read: false, inputs, dependencies, options },
    propertyDependencies: input === undefined ? {} : { [input]: dependencies },
  };
}

export const component: PlannedResource = {
  ...{ urn: COMPONENT, type: "shop:index:Postgres", name: "orders", custom: false, read: false },
  ...{ inputs: {}, dependencies: [], propertyDependencies: {}, options: {} },
};

export function managed(type: string, name: string, id: string, outputs: StateResource["outputs"] = {}): StateResource {
  return { urn: urnOf(type, name), type, id, custom: true, protect: false, incomplete: false, outputs };
}

const inCluster = { owner: { type: TYPES.cluster, name: "orders-cluster" } };

export const declarations: readonly Declaration[] = [
  { type: TYPES.vpc, name: "net-vpc", inputs: { name: "shop-nyc1-qa", region: "nyc1", ipRange: "10.1.0.0/20" } },
  { type: TYPES.cluster, name: "orders-cluster", inputs: { name: "orders-postgres-qa", engine: "pg" } },
  { type: TYPES.firewall, name: "orders-rules", inputs: { rules: [{ type: "ip_addr", value: "10.1.0.0/20" }] }, ...inCluster },
  { type: TYPES.database, name: "orders-db", inputs: { name: "orders" }, ...inCluster },
  { type: TYPES.user, name: "orders-user-owner", inputs: { name: "orders_owner" }, ...inCluster },
  { type: TYPES.pool, name: "orders-pool", inputs: { name: "orders", size: 10 }, ...inCluster },
  { type: TYPES.app, name: "shop-app", inputs: { spec: { name: "shop-qa" } } },
];

export const resources: readonly PlannedResource[] = [component, ...declarations.map(planned)];

const C = IDS.cluster;

export const stateResources: readonly StateResource[] = [
  { ...managed("pulumi:pulumi:Stack", "", ""), urn: STACK_URN, custom: false },
  { ...managed("shop:index:Postgres", "orders", ""), urn: COMPONENT, custom: false },
  managed(TYPES.vpc, "net-vpc", IDS.vpc, { name: "shop-nyc1-qa", region: "nyc1", ipRange: "10.1.0.0/20" }),
  managed(TYPES.cluster, "orders-cluster", C, { name: "orders-postgres-qa", engine: "pg", size: "db-s-1vcpu-2gb", nodeCount: 1 }),
  managed(TYPES.firewall, "orders-rules", `${C}-1`, { clusterId: C, rules: [{ uuid: "u", type: "ip_addr", value: "10.1.0.0/20" }] }),
  managed(TYPES.database, "orders-db", `${C}/database/orders`, { clusterId: C, name: "orders" }),
  managed(TYPES.user, "orders-user-owner", `${C}/user/orders_owner`, { clusterId: C, name: "orders_owner" }),
  managed(TYPES.pool, "orders-pool", `${C}/orders`, { clusterId: C, name: "orders", size: 10, mode: "transaction" }),
  managed(TYPES.app, "shop-app", IDS.app, { spec: { name: "shop-qa", region: "nyc" } }),
];

export const state: State = { resources: stateResources, pending: [] };

export const account: readonly AccountObject[] = [
  object(TYPES.vpc, IDS.vpc, "shop-nyc1-qa", { name: "shop-nyc1-qa", region: "nyc1", ipRange: "10.1.0.0/20" }),
  {
    ...object(TYPES.cluster, C, "orders-postgres-qa", { name: "orders-postgres-qa", engine: "pg", size: "db-s-1vcpu-2gb", nodeCount: 1 }),
    status: "online",
  },
  { ...within(TYPES.firewall, C, ""), identity: C, importId: C, properties: { rules: ["ip_addr 10.1.0.0/20"] } },
  within(TYPES.database, C, "orders"),
  within(TYPES.user, C, "orders_owner"),
  within(TYPES.pool, C, "orders", { size: 10, mode: "transaction" }),
  object(TYPES.app, IDS.app, "shop-qa", { name: "shop-qa", region: "nyc", components: [] }),
];

export function object(type: string, id: string, name: string, properties: AccountObject["properties"] = {}): AccountObject {
  return { type, identity: id, importId: id, name, properties };
}

export function within(type: string, owner: string, name: string, properties: AccountObject["properties"] = {}): AccountObject {
  return { type, identity: `${owner},${name}`, importId: `${owner},${name}`, name, owner, properties };
}

/** Without the resources of these program names. */
export const without = (...names: readonly string[]): State => ({
  resources: stateResources.filter(({ urn }) => !names.some((name) => urn.endsWith(`::${name}`))),
  pending: [],
});
