import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { systems } from "../systems/index.ts";
import { parseSettings } from "./parse.ts";
import { SettingsError } from "./problems.ts";
import type { Settings } from "./settings.ts";

/** As Pulumi hands a stack's file over: text as it is, everything else as JSON. */
function read(stack: string, extra: Readonly<Record<string, unknown>> = {}): Settings {
  const file = parse(readFileSync(new URL(`../Pulumi.${stack}.yaml`, import.meta.url), "utf8")) as { config: Record<string, unknown> };
  const config = Object.entries({ ...file.config, ...extra });
  const values = Object.fromEntries(config.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]));
  return parseSettings({ project: "slipway", stack, values, secretKeys: new Set() }, systems, "2026-11-20");
}

describe("the committed stacks", () => {
  it.each(["local", "staging", "prod"])("%s is accepted with all three systems, and asks no operator for a secret", (stack) => {
    const settings = read(stack);
    expect(settings.environment).toBe(stack);
    expect(settings.systems.map(({ system }) => system.name)).toEqual(["fluxstudio", "devx", "candlefish"]);
    expect(settings.systems.flatMap(({ operatorSecrets }) => Object.keys(operatorSecrets))).toEqual([]);
  });

  it("production stands in New York with FluxStudio's major [F2] [F4]", () => {
    const { region, appRegion, postgres } = read("prod");
    expect([region, appRegion]).toEqual(["nyc1", "nyc"]);
    expect(postgres.clusters[0]).toMatchObject({ key: "fluxstudio", major: "15", region: "nyc1", nodes: 2 });
  });

  it("production gives each product a cluster of its own [F8]", () => {
    expect(read("prod").postgres.clusters.map(({ systems }) => systems)).toEqual([["fluxstudio"], ["devx"], ["candlefish"]]);
  });

  it("production puts Candlefish in San Francisco, on disks of 10 GB and more that grow [C12]", () => {
    const { postgres, valkey, systems, networks } = read("prod");
    expect(systems[2]).toMatchObject({ region: "sfo3", appRegion: "sfo", cluster: "candlefish" });
    expect(postgres.clusters[2]).toMatchObject({ region: "sfo3", autoscale: { thresholdPercent: 80, incrementGiB: 10 } });
    expect(valkey.clusters.map(({ region }) => region)).toEqual(["sfo3", "sfo3"]);
    expect(networks.map(({ region }) => region)).toEqual(["nyc1", "sfo3"]);
  });

  it("production keeps state and cache apart, with three databases and more [C64] [C23]", () => {
    const { valkey } = read("prod");
    expect(valkey.clusters).toMatchObject([
      { key: "candlefish-state", class: "state", stores: ["candlefish/state"] },
      { key: "candlefish-cache", class: "cache", stores: ["candlefish/cache"] },
    ]);
    for (const { databases } of valkey.clusters) expect(databases).toBeGreaterThanOrEqual(3);
  });

  it("give every pool what its product's documents wish where the node has it [F42] [F103] [D25] [C20] [C43]", () => {
    const [flux, devx, candlefish] = read("prod").systems;
    expect(flux!.connections).toMatchObject({ "api/DB_POOL_MAX": 30 });
    expect(devx!.connections).toMatchObject({ "api/POSTGRES_POOL_MAX": 20 });
    expect(candlefish!.connections).toMatchObject({ "api/SQLALCHEMY_POOL_SIZE": 20, candlefish_collaboration: 20 });
  });

  it("protect production, and let nobody in but a named address and the network [C57]", () => {
    expect(read("prod")).toMatchObject({ protect: true, allowedSources: ["203.0.113.10"] });
  });

  it("keep networks apart, so that all may stand in one account", () => {
    const blocks = ["local", "staging", "prod"].flatMap((stack) => read(stack).networks.map(({ cidr }) => cidr));
    expect(new Set(blocks).size).toBe(blocks.length);
  });

  it("ask for both values of every provider that is switched on, in one message [F26]", () => {
    const features = ["google", "github", "figma", "slack"];
    expect(() => read("prod", { "slipway:fluxstudio": { features } })).toThrow(SettingsError);
    expect(() => read("prod", { "slipway:fluxstudio": { features } })).toThrow(
      /^8 problems[\s\S]*fluxstudioGoogleClientSecret[\s\S]*fluxstudioSlackClientId/,
    );
  });
});
