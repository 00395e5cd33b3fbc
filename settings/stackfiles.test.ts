import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { systems } from "../systems/index.ts";
import { parseSettings } from "./parse.ts";
import type { Settings } from "./settings.ts";

/** As Pulumi hands a stack's file over: text as it is, everything else as JSON. */
function read(stack: string, extra: Readonly<Record<string, unknown>> = {}): Settings {
  const file = parse(readFileSync(new URL(`../Pulumi.${stack}.yaml`, import.meta.url), "utf8")) as { config: Record<string, unknown> };
  const config = Object.entries({ ...file.config, ...extra });
  const values = Object.fromEntries(config.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]));
  return parseSettings({ project: "slipway", stack, values, secretKeys: new Set() }, systems, "2026-11-20");
}

describe("the committed stacks", () => {
  it.each(["local", "staging", "prod"])("%s is accepted with every system, and needs no operator secret", (stack) => {
    const settings = read(stack);
    expect(settings.environment).toBe(stack);
    expect(settings.systems.map(({ system }) => system)).toEqual(systems);
    expect(settings.systems.flatMap(({ operatorSecrets }) => Object.keys(operatorSecrets))).toEqual([]);
  });

  it("production gives each system a cluster of its own, with a standby and a disk that grows [F8]", () => {
    const { clusters } = read("prod").postgres;
    expect(clusters.map(({ systems }) => systems)).toEqual(systems.map(({ name }) => [name]));
    for (const cluster of clusters) expect(cluster).toMatchObject({ nodes: 2, autoscale: { thresholdPercent: 80, incrementGiB: 10 } });
  });

  it("production keeps state and cache apart", () => {
    for (const { key, class: kind } of read("prod").valkey.clusters) expect(key).toMatch(new RegExp(`-${kind}$`));
  });

  it("production is protected, and only a named address and the networks reach its databases [C57]", () => {
    expect(read("prod")).toMatchObject({ protect: true, allowedSources: ["203.0.113.10"] });
  });

  it("keep networks apart, so that all may be in one account", () => {
    const blocks = ["local", "staging", "prod"].flatMap((stack) => read(stack).networks.map(({ cidr }) => cidr));
    expect(new Set(blocks).size).toBe(blocks.length);
  });
});
