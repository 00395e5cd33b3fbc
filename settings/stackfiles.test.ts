import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { findNode } from "../catalog/nodes.ts";
import { systems } from "../systems/index.ts";
import { allocate } from "./budget.ts";
import { consumersOf } from "./connections.ts";
import { connectionsFor } from "./load.ts";
import { parseSettings } from "./parse.ts";
import type { Settings } from "./settings.ts";

function config(stack: string): Readonly<Record<string, unknown>> {
  return (parse(readFileSync(new URL(`../Pulumi.${stack}.yaml`, import.meta.url), "utf8")) as { config: Record<string, unknown> }).config;
}

/** As Pulumi hands a stack's file over: text as it is, everything else as JSON. */
function read(stack: string, changes: Readonly<Record<string, unknown>> = {}): Settings {
  const entries = Object.entries({ ...config(stack), ...changes });
  const values = Object.fromEntries(entries.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]));
  return parseSettings({ project: "slipway", stack, values, secretKeys: new Set() }, systems, "2026-11-20");
}

/** The systems that a stack's file names, in the order of their definitions; without a list, all of them. */
function selected(stack: string): string[] {
  const names = config(stack)["slipway:systems"] as readonly string[] | undefined;
  return systems.map(({ name }) => name).filter((name) => names?.includes(name) ?? true);
}

describe("the committed stacks", () => {
  it.each(["local", "staging", "prod"])("%s is accepted with the systems that it selects, and needs no operator secret", (stack) => {
    const settings = read(stack);
    expect(settings.environment).toBe(stack);
    expect(settings.systems.map(({ system }) => system.name)).toEqual(selected(stack));
    expect(settings.systems.flatMap(({ operatorSecrets }) => Object.keys(operatorSecrets))).toEqual([]);
  });

  it("production gives each system a cluster of its own, with a standby and a disk that grows [F8]", () => {
    const { clusters } = read("prod").postgres;
    expect(clusters.map(({ systems }) => systems)).toEqual(selected("prod").map((name) => [name]));
    for (const cluster of clusters) expect(cluster).toMatchObject({ nodes: 2, autoscale: { thresholdPercent: 80, incrementGiB: 10 } });
  });

  it("production serves the thousand users of FluxStudio's documents, and as docs/scale.md recommends it, within the budget of its node", () => {
    const recommended = {
      ...(config("prod")["slipway:fluxstudio"] as object),
      sizes: { api: { size: "apps-s-1vcpu-1gb", instances: 2 } },
    };
    for (const [changes, instances] of [
      [{}, 1],
      [{ "slipway:fluxstudio": recommended }, 2],
    ] as const) {
      const { systems, notices, postgres } = read("prod", changes);
      const { connections, sizes, cluster, features, system } = systems.find(({ system }) => system.name === "fluxstudio")!;
      const node = findNode(postgres.clusters.find(({ key }) => key === cluster)!.size)!;
      const budget = allocate(node, consumersOf(system, { features, sizes }));
      expect(budget.fits).toBe(true);
      expect(sizes.api!.instances).toBe(instances);
      // Nothing is reduced: the pool has the size that the product requests.
      expect(connections["api/DB_POOL_MAX"]).toBe(30);
      expect(30 * instances).toBeGreaterThanOrEqual(connectionsFor(system.postgres.sizing!.concurrentUsers!));
      expect(notices.join()).not.toMatch(/fewer than requested|is expected to serve/);
    }
  });

  it("production serves the ten users of Candlefish's documents with what it has, without fewer connections than the API requests [C3]", () => {
    const { systems, notices } = read("prod");
    const { connections, system } = systems.find(({ system }) => system.name === "candlefish")!;
    expect(system.postgres.sizing!.concurrentUsers).toBe(10);
    expect(connections["api/SQLALCHEMY_POOL_SIZE"]).toBeGreaterThanOrEqual(connectionsFor(10));
    expect(notices.join()).not.toMatch(/Candlefish.* is expected to serve/);
  });

  it("production serves more than a hundred users of Candlefish with a larger node and two instances, in the same cluster [C4]", () => {
    const larger = {
      ...(config("prod")["slipway:candlefish"] as object),
      postgres: { size: "db-s-4vcpu-8gb" },
      sizes: { api: { size: "apps-d-1vcpu-2gb", instances: 2 } },
    };
    const { systems, postgres } = read("prod", { "slipway:candlefish": larger });
    const { connections, cluster } = systems.find(({ system }) => system.name === "candlefish")!;
    expect(2 * connections["api/SQLALCHEMY_POOL_SIZE"]!).toBeGreaterThanOrEqual(connectionsFor(100));
    // What a resize may change, and nothing that would replace the cluster.
    const of = ({ clusters }: typeof postgres) => clusters.find(({ key }) => key === cluster)!;
    expect({ ...of(postgres), size: "" }).toEqual({ ...of(read("prod").postgres), size: "" });
  });

  it("production keeps state and cache apart", () => {
    for (const { key, class: kind } of read("prod").valkey.clusters) expect(key).toMatch(new RegExp(`-${kind}$`));
  });

  it("production is protected, and only a named address and the networks reach its databases", () => {
    expect(read("prod")).toMatchObject({ protect: true, allowedSources: ["203.0.113.10"] });
  });

  it("keep networks apart, so that all may be in one account", () => {
    const blocks = ["local", "staging", "prod"].flatMap((stack) => read(stack).networks.map(({ cidr }) => cidr));
    expect(new Set(blocks).size).toBe(blocks.length);
  });
});
