import { describe, expect, it } from "vitest";
import { structureFaults } from "../../audit/structure.ts";
import { findPublicExcess, findSourceFault } from "../../catalog/trusted-sources.ts";
import { Firewall } from "../../components/firewall.ts";
import { recorded, refusal } from "../../components/testing/recorded.ts";
import type { Plan, PlannedResource, Value } from "../../engine/plan.ts";
import type { Cloud } from "../../local/cloud/core/cloud.ts";
import { toRules } from "../../local/cloud/databases/firewall.ts";
import { admittedAddresses } from "../../local/servers/firewall.ts";
import { policies } from "../../policy/pack.ts";
import { judge } from "../../policy/testing/judge.ts";
import { compare } from "../../preview/compare/compare.ts";
import { firewallChanges } from "../../preview/compare/firewalls.ts";
import { complaint, settingsFrom } from "../../settings/testing/fixture.ts";
import { LISTS, OTHER_RULES, SOURCES } from "./sources.ts";

type Rule = Readonly<Record<"type" | "value", string>>;

const addresses = (sources: readonly string[]): Rule[] => sources.map((value) => ({ type: "ip_addr", value }));

const firewall = (rules: Value): PlannedResource => ({
  urn: "urn:pulumi:prod::shop::digitalocean:index/databaseFirewall:DatabaseFirewall::shop",
  type: "digitalocean:index/databaseFirewall:DatabaseFirewall",
  name: "shop",
  custom: true,
  read: false,
  inputs: { clusterId: "1", rules },
  dependencies: [],
  propertyDependencies: {},
  options: {},
});

async function planOf(rules: readonly Rule[]): Promise<Plan> {
  const { plan } = await recorded(() => {});
  return { ...plan, resources: [firewall([...rules])] };
}

/** Each answers whether it accepts the rules of a firewall. */
const ROOMS: Readonly<Record<string, (rules: readonly Rule[]) => Promise<boolean>>> = {
  "the policy pack": async (rules) => (await judge({ resources: [firewall([...rules])] }, policies)).length === 0,
  "the audit": async (rules) =>
    structureFaults(await planOf(rules), { production: true, today: "2026-11-20", maxAgeDays: 90 }).length === 0,
  "the preview of a new firewall": async (rules) => {
    const { plan } = await recorded(() => {});
    return firewallChanges(compare(plan, await planOf(rules))).every(({ risk }) => risk !== "danger");
  },
  "the preview of a changed firewall": async (rules) => {
    const before = await planOf(addresses(["192.0.2.1"]));
    return firewallChanges(compare(before, await planOf(rules))).every(({ risk }) => risk !== "danger");
  },
};

/** The two that take sources instead of rules. */
const SOURCE_ROOMS: Readonly<Record<string, (sources: readonly string[]) => Promise<boolean>>> = {
  "a stack's settings": async (allowedSources) => {
    try {
      settingsFrom({ allowedSources });
      return true;
    } catch {
      expect(complaint({ allowedSources })).toContain("slipway:allowedSources");
      return false;
    }
  },
  "the Firewall component": async (allow) => {
    const program = () => {
      new Firewall("shop", { clusterId: "1", allow });
    };
    try {
      await recorded(program);
      return true;
    } catch {
      expect(await refusal(program)).toMatch(/^shop: /);
      return false;
    }
  },
  ...Object.fromEntries(
    Object.entries(ROOMS).map(([room, accepts]) => [room, (sources: readonly string[]) => accepts(addresses(sources))]),
  ),
};

describe("the catalog", () => {
  it.each(SOURCES)("judges $source as $fault", ({ source, fault }) => {
    expect(findSourceFault(source)?.kind).toBe(fault);
  });

  it("never proposes a block that has a fault itself", () => {
    const proposed = SOURCES.flatMap(({ source }) => findSourceFault(source)?.instead ?? []);
    expect(proposed).toEqual(["203.0.113.0/24", "10.0.0.0/8"]);
    expect(proposed.map((block) => findSourceFault(block))).toEqual([undefined, undefined]);
  });

  it("counts public addresses over the limit", () => {
    expect(findPublicExcess(["203.0.0.0/16", "198.51.100.7"])).toBe(65_537);
    expect(findPublicExcess(["203.0.0.0/16", "203.0.113.7"])).toBeUndefined();
  });
});

describe.each(Object.entries(SOURCE_ROOMS))("%s", (_, accepts) => {
  it("accepts exactly the sources that the catalog accepts", async () => {
    const accepted: string[] = [];
    for (const { source } of SOURCES) if (await accepts([source])) accepted.push(source);
    expect(accepted).toEqual(SOURCES.filter(({ fault }) => fault === undefined).map(({ source }) => source));
  });

  it.each(LISTS)("accepts or refuses $title as the catalog does", async ({ sources, allowed }) => {
    expect(await accepts(sources)).toBe(allowed);
  });
});

describe.each(Object.entries(ROOMS))("%s", (_, accepts) => {
  it("reads no address in the value of another kind of rule", async () => {
    expect(await accepts(OTHER_RULES)).toBe(true);
  });
});

describe("the local cloud", () => {
  const refuses = (source: string): boolean => {
    try {
      toRules({ now: () => 0 } as Cloud, addresses([source]) as Parameters<typeof toRules>[1]);
      return false;
    } catch {
      return true;
    }
  };

  it.each(SOURCES)("admits what DigitalOcean would for $source", ({ source, local }) => {
    expect(refuses(source)).toBe(local === undefined);
    if (local !== undefined) expect(admittedAddresses(addresses([source]))).toEqual(local);
  });
});
