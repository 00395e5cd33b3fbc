import { describe, expect, it } from "vitest";
import { BACKUP_VARIABLES } from "./backup-variables.ts";
import { findInstance, instanceSize, instanceSlugs, isLegacyInstance } from "./instances.ts";
import { NAMES } from "./limits.ts";
import { findNode, nodeSizes, smallestNode, usableConnections } from "./nodes.ts";
import { PRICE_SOURCES } from "./prices.ts";
import {
  databaseRegions,
  findAppRegion,
  findDatabaseRegion,
  homeOf,
  offsiteOf,
  regionNumber,
  spacesNear,
  spacesRegions,
} from "./regions.ts";
import { findMajor, majorsOn } from "./versions.ts";

describe("the environment variables of backups", () => {
  it("have these names, which scripts and deployed workers set", () => {
    expect(BACKUP_VARIABLES).toEqual({
      store: "SLIPWAY_BACKUP_STORE",
      storeKey: "SLIPWAY_BACKUP_STORE_KEY",
      offsite: "SLIPWAY_BACKUP_OFFSITE",
      offsiteKey: "SLIPWAY_BACKUP_OFFSITE_KEY",
      recipients: "SLIPWAY_BACKUP_RECIPIENTS",
      signingKey: "SLIPWAY_BACKUP_SIGNING_KEY",
      verifyKeys: "SLIPWAY_BACKUP_VERIFY_KEYS",
      keep: "SLIPWAY_BACKUP_KEEP",
    });
  });
});

describe("prices", () => {
  it.each(Object.entries(PRICE_SOURCES))("of the list %s name the page that they come from", (_, { from }) => {
    expect(from).toMatch(/(digitalocean\.com|github\.com\/digitalocean)\//);
  });
});

describe("regions", () => {
  it("lead from NYC1 to the database region nyc1 and the app region nyc", () => {
    expect(findDatabaseRegion("NYC1")).toMatchObject({ slug: "nyc1", app: "nyc" });
    expect(homeOf("nyc")).toBe("nyc1");
  });

  it("lead to San Francisco for who is near San Jose", () => {
    expect(findDatabaseRegion("sfo3")).toMatchObject({ app: "sfo", joined: true });
  });

  it("know an app region where a database region is meant", () => {
    expect(findDatabaseRegion("nyc")).toEqual({
      problem: "nyc is an App Platform region; use nyc1, nyc2 or nyc3",
      allowed: ["nyc1", "nyc2", "nyc3"],
      likely: "nyc1",
    });
    expect(findDatabaseRegion("fra")).toMatchObject({ problem: "fra is an App Platform region; use fra1" });
  });

  it("find an app region by its name and by that of a data centre", () => {
    expect(findAppRegion("sfo")).toMatchObject({ slug: "sfo", home: "sfo3" });
    expect(findAppRegion("nyc3")).toMatchObject({ slug: "nyc", home: "nyc1" });
    // There are databases in Richmond, and no apps.
    expect(findAppRegion("ric1")).toBeUndefined();
  });

  it("list what is allowed where a name is unknown", () => {
    expect(findDatabaseRegion("mars1")).toMatchObject({ allowed: expect.arrayContaining(["nyc1", "fra1", "syd1"]) });
  });

  it("agree with each other in both directions", () => {
    for (const slug of databaseRegions(({ app }) => app !== undefined)) {
      const region = findDatabaseRegion(slug);
      const app = "slug" in region ? region.app! : "";
      expect(findDatabaseRegion(homeOf(app)!)).toMatchObject({ app, joined: true });
    }
  });

  it("keep their numbers, from which address blocks are made", () => {
    expect(["ams3", "nyc1", "nyc3", "sfo3", "atl1"].map(regionNumber)).toEqual([0, 4, 6, 8, 13]);
  });

  it("put buckets near the databases, and the second copy somewhere else", () => {
    expect([spacesNear("nyc1"), spacesNear("sfo2"), spacesNear("fra1"), spacesNear("ric1")]).toEqual(["nyc3", "sfo2", "fra1", "nyc3"]);
    for (const slug of spacesRegions()) {
      expect(spacesRegions()).toContain(offsiteOf(slug));
      expect(offsiteOf(slug)!.slice(0, 3)).not.toBe(slug.slice(0, 3));
    }
  });
});

describe("nodes", () => {
  it("give 25 connections per GB and keep three", () => {
    expect(usableConnections(findNode("db-s-1vcpu-1gb")!)).toBe(22);
    expect(usableConnections(findNode("db-s-2vcpu-4gb")!)).toBe(97);
    expect(usableConnections(findNode("gd-8vcpu-32gb")!)).toBe(797);
    expect(usableConnections(findNode("gd-16vcpu-64gb")!)).toBe(997);
  });

  it("say what they are made of", () => {
    expect(findNode("so1_5-16vcpu-128gb")).toMatchObject({ vcpus: 16, memoryGiB: 128, engines: ["pg"] });
    expect(findNode("m-2vcpu-16gb")).toMatchObject({ vcpus: 2, memoryGiB: 16, engines: ["valkey"] });
    for (const node of [...nodeSizes("pg"), ...nodeSizes("valkey")]) expect(node.vcpus * node.memoryGiB).toBeGreaterThan(0);
  });

  it("of 1 GB stand alone", () => {
    expect(
      nodeSizes("pg", 1)
        .filter(({ standby }) => !standby)
        .map(({ slug }) => slug),
    ).toEqual(["db-s-1vcpu-1gb", "db-intel-1vcpu-1gb", "db-amd-1vcpu-1gb"]);
    expect(nodeSizes("pg", 2).every(({ memoryGiB }) => memoryGiB > 1)).toBe(true);
    expect(smallestNode("valkey", 3, () => true)?.slug).toBe("db-s-1vcpu-2gb");
  });

  it("are proposed by memory, whatever their place in the table", () => {
    expect(smallestNode("pg", 1, ({ memoryGiB }) => memoryGiB >= 9)?.slug).toBe("db-s-6vcpu-16gb");
    expect(smallestNode("valkey", 1, ({ memoryGiB }) => memoryGiB > 1000)).toBeUndefined();
  });
});

describe("instances", () => {
  it("say what they are made of, and which may scale", () => {
    expect(instanceSize("apps-s-1vcpu-0.5gb")).toMatchObject({ cpu: "shared", cpus: 1, memoryMiB: 512, single: true, autoscaling: false });
    expect(instanceSize("apps-s-1vcpu-1gb-fixed")).toMatchObject({ memoryMiB: 1024, single: true });
    expect(instanceSize("apps-d-8vcpu-32gb")).toMatchObject({
      cpu: "dedicated",
      cpus: 8,
      memoryMiB: 32768,
      single: false,
      autoscaling: true,
    });
    expect(instanceSlugs()).toHaveLength(14);
  });

  it("know the legacy plans as such", () => {
    expect(isLegacyInstance("basic-xxs")).toBe(true);
    expect(findInstance("basic-xxs")).toBeUndefined();
    expect(() => instanceSize("basic-xxs")).toThrow('No App Platform instance size is called "basic-xxs".');
  });
});

describe("Postgres majors", () => {
  it("are on offer until their day", () => {
    expect(majorsOn("2026-05-12")).toEqual(["14", "15", "16", "17"]);
    expect(majorsOn("2026-05-13")).toEqual(["15", "16", "17"]);
    expect(findMajor("15")).toMatchObject({ endOfLife: "2027-11-11" });
  });
});

describe("names", () => {
  it.each([
    ["app", "a1", true],
    ["app", "a", false],
    ["app", "a".repeat(32), true],
    ["app", "a".repeat(33), false],
    ["app", "1a", false],
    ["app", "a-", false],
    ["database", "shop_orders", true],
    ["database", "a-b", false],
    ["pool", "ab", false],
    ["pool", "a".repeat(60), true],
    ["pool", "a".repeat(61), false],
    ["bucket", "slipway-prod", true],
    ["bucket", "Slipway", false],
  ] as const)("of an %s: %s is %s", (kind, name, good) => {
    expect(NAMES[kind].pattern.test(name)).toBe(good);
  });
});
