/** What production gives each product, as its documents require it. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseSettings } from "../settings/parse.ts";
import { SettingsError } from "../settings/problems.ts";
import type { Settings } from "../settings/settings.ts";
import { systems } from "./index.ts";

function readProduction(extra: Readonly<Record<string, unknown>> = {}): Settings {
  const file = parse(readFileSync(new URL("../Pulumi.prod.yaml", import.meta.url), "utf8")) as { config: Record<string, unknown> };
  const config = Object.entries({ ...file.config, ...extra });
  const values = Object.fromEntries(config.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]));
  return parseSettings({ project: "slipway", stack: "prod", values, secretKeys: new Set() }, systems, "2026-11-20");
}

const production = readProduction();
const cluster = (system: string) => production.postgres.clusters.find(({ systems }) => systems.includes(system))!;
const settingsOf = (system: string) => production.systems.find((candidate) => candidate.system.name === system)!;

describe("production", () => {
  it("runs FluxStudio in New York on the major version that it was measured on", () => {
    expect(settingsOf("fluxstudio")).toMatchObject({ region: "nyc1", appRegion: "nyc" });
    expect(cluster("fluxstudio")).toMatchObject({ key: "fluxstudio", major: "15", region: "nyc1", nodes: 2 });
  });

  it("runs Candlefish in San Francisco, on disks that grow by 10 GiB", () => {
    expect(settingsOf("candlefish")).toMatchObject({ region: "sfo3", appRegion: "sfo", cluster: "candlefish" });
    expect(cluster("candlefish")).toMatchObject({ region: "sfo3", autoscale: { thresholdPercent: 80, incrementGiB: 10 } });
    const stores = production.valkey.clusters.filter(({ stores }) => stores.some((store) => store.startsWith("candlefish/")));
    expect(stores.map(({ region }) => region)).toEqual(["sfo3", "sfo3"]);
    expect(production.networks.map(({ region }) => region)).toContain("sfo3");
  });

  it("keeps Candlefish's state and cache in two clusters of three databases and more", () => {
    const stores = production.valkey.clusters.filter(({ stores }) => stores.some((store) => store.startsWith("candlefish/")));
    expect(stores).toMatchObject([
      { key: "candlefish-state", class: "state", stores: ["candlefish/state"] },
      { key: "candlefish-cache", class: "cache", stores: ["candlefish/cache"] },
    ]);
    for (const { databases } of stores) expect(databases).toBeGreaterThanOrEqual(3);
  });

  it("gives every pool the size in its product's documents where the node has it", () => {
    expect(settingsOf("fluxstudio").connections).toMatchObject({ "api/DB_POOL_MAX": 30 });
    expect(settingsOf("devx").connections).toMatchObject({ "api/POSTGRES_POOL_MAX": 20 });
    expect(settingsOf("candlefish").connections).toMatchObject({ "api/SQLALCHEMY_POOL_SIZE": 20, candlefish_collaboration: 20 });
  });

  it("requires both values of every provider that is switched on, in one message", () => {
    const features = ["google", "github", "figma", "slack"];
    const read = () => readProduction({ "slipway:fluxstudio": { features } });
    expect(read).toThrow(SettingsError);
    expect(read).toThrow(/^8 problems[\s\S]*fluxstudioGoogleClientSecret[\s\S]*fluxstudioSlackClientId/);
  });
});
