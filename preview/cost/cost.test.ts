import { describe, expect, it } from "vitest";
import type { PlannedResource, Value } from "../../engine/plan.ts";
import { Secret, Unknown } from "../../engine/plan.ts";
import { findProject } from "../../engine/project.ts";
import { planStack } from "../../engine/stackplan.ts";
import { costOf, sourcesOf } from "./cost.ts";
import { ResizeError, resize } from "./resize.ts";

const CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster";
const REPLICA = "digitalocean:index/databaseReplica:DatabaseReplica";
const APP = "digitalocean:index/app:App";

const planned = (type: string, inputs: Record<string, Value>, name = "shop"): PlannedResource => ({
  urn: `urn:pulumi:prod::shop::${type}::${name}`,
  type,
  name,
  custom: true,
  read: false,
  inputs,
  dependencies: [],
  propertyDependencies: {},
  options: {},
});

const lineOf = (type: string, inputs: Record<string, Value>) =>
  costOf({ resources: [planned(type, inputs)] }).lines.map(({ what, usd }) => [what, usd]);
const app = (spec: Record<string, Value>) =>
  costOf({ resources: [planned(APP, { spec })] }).lines.map(({ resource, what, usd }) => [resource, what, usd]);

describe("a cluster", () => {
  it("costs the sum of its nodes", () => {
    expect(lineOf(CLUSTER, { engine: "pg", size: "db-s-2vcpu-4gb", nodeCount: 2 })).toEqual([["2 × db-s-2vcpu-4gb (pg)", 121.8]]);
    expect(lineOf(CLUSTER, { engine: "valkey", size: "db-s-1vcpu-2gb", nodeCount: 3 })).toEqual([["3 × db-s-1vcpu-2gb (valkey)", 90]]);
  });

  it("of the same size has the price of its engine, and none if the list has none", () => {
    expect(lineOf(CLUSTER, { engine: "pg", size: "db-s-1vcpu-1gb", nodeCount: 1 })[0]?.[1]).toBe(15.15);
    expect(lineOf(CLUSTER, { engine: "valkey", size: "db-s-1vcpu-1gb", nodeCount: 1 })[0]?.[1]).toBe(15);
    expect(lineOf(CLUSTER, { engine: "valkey", size: "db-s-2vcpu-4gb", nodeCount: 1 })[0]?.[1]).toBeUndefined();
    expect(lineOf(CLUSTER, { engine: "constructor", size: "toString", nodeCount: 1 })[0]?.[1]).toBeUndefined();
  });

  it("costs more for a disk larger than its size includes", () => {
    const disk = (storageSizeMib: string) =>
      lineOf(CLUSTER, { engine: "pg", size: "db-s-2vcpu-4gb", nodeCount: 1, storageSizeMib }).slice(1);
    expect(disk(String(100 * 1024))).toEqual([["40 GiB more than the 60 GiB of its size", 8.6]]);
    expect(disk(String(60 * 1024))).toEqual([]);
  });

  it("has no price while its number of nodes is unknown", () => {
    expect(lineOf(CLUSTER, { engine: "pg", size: "db-s-2vcpu-4gb", nodeCount: new Unknown() })).toEqual([
      ["? × db-s-2vcpu-4gb (pg)", undefined],
    ]);
  });

  it("has replicas that cost a node each, if their size is set", () => {
    expect(lineOf(REPLICA, { size: "db-s-2vcpu-4gb" })).toEqual([["replica, 1 × db-s-2vcpu-4gb (pg)", 60.9]]);
    expect(lineOf(REPLICA, {})).toEqual([["replica, 1 × its cluster's size (pg)", undefined]]);
  });
});

describe("an app", () => {
  it("is billed by component: instances of services and workers, by the minimum of autoscaling", () => {
    expect(
      app({
        services: [{ name: "api", instanceSizeSlug: "apps-s-1vcpu-1gb", instanceCount: 2 }],
        workers: [{ name: "mail", instanceSizeSlug: "apps-d-1vcpu-1gb", autoscaling: { minInstanceCount: 2, maxInstanceCount: 5 } }],
      }),
    ).toEqual([
      ["shop api", "2 × apps-s-1vcpu-1gb", 24],
      ["shop mail", "2 to 5 × apps-d-1vcpu-1gb", 68],
    ]);
  });

  it("is priced even if its whole spec is secret", () => {
    const spec = new Secret({ services: [{ name: "api", instanceSizeSlug: "apps-s-1vcpu-2gb" }] });
    expect(costOf({ resources: [planned(APP, { spec })] }).total).toBe(25);
  });

  it("has unpriced parts, which are not free", () => {
    const spec = {
      services: [{ name: "api", instanceSizeSlug: "basic-xxs" }],
      jobs: [{ name: "migrate", instanceSizeSlug: "apps-s-1vcpu-1gb" }],
      staticSites: [{ name: "site" }],
      databases: [{ name: "dev" }, { name: "db", clusterName: "shop-postgres" }],
    };
    expect(app(spec).map(([resource, , usd]) => [resource, usd])).toEqual(
      ["api", "migrate", "site", "dev"].map((of) => [`shop ${of}`, undefined]),
    );
  });
});

it("lists an unknown resource as unpriced, and omits free ones", () => {
  expect(lineOf("digitalocean:index/loadBalancer:LoadBalancer", {})).toEqual([["LoadBalancer", undefined]]);
  expect(lineOf("digitalocean:index/vpc:Vpc", {})).toEqual([]);
  expect(lineOf("random:index/randomPassword:RandomPassword", {})).toEqual([]);
});

describe("the cost of prod", async () => {
  const plan = await planStack(findProject(import.meta.dirname), { stack: "prod", placeholders: true });
  const cost = costOf(plan);

  it("is the sum of its lines, each with the system that it belongs to", () => {
    expect(cost.total).toBeCloseTo(
      cost.lines.reduce((sum, { usd = 0 }) => sum + usd, 0),
      2,
    );
    expect(new Set(cost.lines.map(({ system }) => system))).toEqual(new Set(["candlefish", "devx", "fluxstudio", undefined]));
    expect(sourcesOf(cost.lines).map(({ asOf }) => asOf)).toContain(cost.asOf);
  });

  it("changes with a resize, which warns of what DigitalOcean refuses", () => {
    const larger = resize(plan, { "candlefish-postgres": "db-s-4vcpu-8gb", "fluxstudio-fluxstudio api": "apps-d-1vcpu-1gb" });
    expect(costOf(larger.plan).total - cost.total).toBeCloseTo(2 * (122.1 - 60.9) + (34 - 5), 2);
    expect(larger.warnings).toEqual([]);
    expect(resize(plan, { "devx-postgres": "db-s-1vcpu-2gb" }).warnings).toEqual([expect.stringContaining("only enlarges nodes")]);
  });

  it("refuses to resize an unknown target, or to a size that it cannot have", () => {
    expect(() => resize(plan, { nothing: "db-s-4vcpu-8gb" })).toThrow(
      /"nothing" is not a cluster or component of this stack. Allowed: .*devx-postgres/,
    );
    // A node of 1 GB supports no standby node.
    expect(() => resize(plan, { "devx-postgres": "db-s-1vcpu-1gb" })).toThrow(ResizeError);
    expect(() => resize(plan, { "devx-postgres": "db-s-1vcpu-1gb" })).toThrow(
      /does not support standby nodes, and the cluster has 2 nodes\. Allowed/,
    );
    expect(() => resize(plan, { "devx-postgres": "m-2vcpu-16gb" })).toThrow(/DigitalOcean offers it for valkey only\. Allowed/);
    expect(() => resize(plan, { "devx-devx api": "db-s-1vcpu-2gb" })).toThrow(/not a size of devx-devx api. Allowed: apps-s/);
  });
});
