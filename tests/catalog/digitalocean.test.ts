/** The catalog, row by row, against DigitalOcean's own description of its API (local/api/openapi/README.md names its commit) and a file of other facts. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  DEFAULT_INSTANCE_SIZE,
  findInstance,
  INSTANCE_SIZES,
  instanceSize,
  instanceSlugs,
  isLegacyInstance,
  LEGACY_INSTANCE_SIZES,
} from "../../catalog/instances.ts";
import { AUTOSCALE, DISK_STEP_GIB, MOST_NODES, MOST_SOURCES, NAMES, NETWORK_PREFIX, VALKEY_DATABASES } from "../../catalog/limits.ts";
import { findNode, nodeSizes, smallestNode, usableConnections } from "../../catalog/nodes.ts";
import { EXTRA_STORAGE_GIB, instancePrice, nodePrice, PRICE_SOURCES, UPTIME_CHECK } from "../../catalog/prices.ts";
import {
  APP_REGIONS,
  databaseRegions,
  findAppRegion,
  findDatabaseRegion,
  homeOf,
  offsiteOf,
  regionNumber,
  spacesNear,
  spacesRegions,
} from "../../catalog/regions.ts";
import { findMajor, POSTGRES_MAJORS, REDIS_RETIRED, VALKEY_VERSIONS } from "../../catalog/versions.ts";
import facts from "./fixtures/facts.json" with { type: "json" };

// biome-ignore lint/suspicious/noExplicitAny: a document of 700 kB, of which a few places are read
type Json = any;

const api = JSON.parse(readFileSync(new URL("../../local/api/openapi/digitalocean.json", import.meta.url), "utf8")) as Json;

function resolved(value: Json | undefined): Json {
  const reference = value?.$ref as string | undefined;
  return reference === undefined
    ? value
    : resolved(
        reference
          .slice(2)
          .split("/")
          .reduce<Json>((at, step) => at[step], api),
      );
}

function exampleOf(path: string): Json {
  const answer = resolved(api.paths[path].get.responses["200"]).content["application/json"];
  return answer.example ?? resolved(Object.values(answer.examples)[0]).value;
}

const schema = (name: string) => api.components.schemas[name];
const options = exampleOf("/v2/databases/options");
const ENGINES = ["pg", "valkey"] as const;

describe("database nodes", () => {
  it.each(ENGINES.flatMap((engine) => [1, 2, 3].map((nodes) => [engine, nodes] as const)))(
    "of %s in clusters of %i are those that the API lists, in sizes that their names state",
    (engine, nodes) => {
      const layout = options.options[engine].layouts.find(({ num_nodes }: Json) => num_nodes === nodes)!;
      const sizes = nodeSizes(engine, nodes);
      expect(sizes.map(({ slug }) => slug).toSorted()).toEqual([...layout.sizes].toSorted());
      for (const size of sizes) {
        expect(size.slug).toMatch(new RegExp(`-${size.vcpus}vcpu-${size.memoryGiB}gb$`));
        expect(findNode(size.slug)).toBe(size);
      }
    },
  );

  it("accept the connections that the API's description of a pool states: 25 for each GB, less three", () => {
    const { description } = schema("connection_pool").properties.size;
    expect(description).toContain("25 backend server connections are allowed for every 1GB of RAM. Three are reserved");
    expect([1, 4, 39, 40, 41].map((memoryGiB) => usableConnections({ memoryGiB }))).toEqual([22, 97, 972, 997, 997]);
  });

  it("come with the disks that public sources confirm, and are proposed from the smallest", () => {
    for (const engine of ENGINES)
      for (const { slug, diskGiB } of nodeSizes(engine)) expect(diskGiB, slug).toBe((facts.disksGiB as Record<string, number>)[slug]);
    for (const engine of ENGINES) {
      const sizes = nodeSizes(engine).map(({ memoryGiB }) => memoryGiB);
      for (const least of sizes) expect(smallestNode(engine, 1, ({ memoryGiB }) => memoryGiB >= least)?.memoryGiB).toBe(least);
    }
    expect(smallestNode("pg", 1, ({ memoryGiB }) => memoryGiB === 1)?.slug).toBe("db-s-1vcpu-1gb");
    expect(smallestNode("pg", 2, () => true)?.slug).toBe("db-s-1vcpu-2gb");
  });
});

describe("regions", () => {
  it.each(ENGINES)("with %s are those that the API lists", (engine) => {
    expect(databaseRegions(({ engines }) => engines.includes(engine))).toEqual(options.options[engine].regions);
  });

  it("with apps are those that the API lists, with their data centres", () => {
    const listed = exampleOf("/v2/apps/regions").regions.map(({ slug, label, flag, continent, data_centers }: Json) => ({
      slug,
      city: label,
      country: flag,
      continent,
      dataCenters: data_centers,
      home: data_centers[0],
    }));
    const bySlug = (one: { slug: string }, other: { slug: string }) => (one.slug < other.slug ? -1 : 1);
    expect(APP_REGIONS.toSorted(bySlug)).toEqual([...(listed as never[]), ...facts.appRegionsWithoutExample].toSorted(bySlug));
    expect(APP_REGIONS.map(({ slug }) => slug).toSorted()).toEqual([...schema("app_spec").properties.region.enum].toSorted());
    for (const { slug, dataCenters, home } of APP_REGIONS) {
      expect(homeOf(slug)).toBe(home);
      for (const name of [slug, ...dataCenters]) expect(findAppRegion(name)?.slug, name).toBe(slug);
    }
  });

  it("of databases have the city and the apps of their name", () => {
    for (const slug of databaseRegions()) {
      const app = APP_REGIONS.find((region) => region.slug === slug.slice(0, 3));
      expect(findDatabaseRegion(slug.toUpperCase())).toEqual({
        slug,
        city: (facts.citiesWithoutApps as Record<string, string>)[slug] ?? app?.city,
        engines: ENGINES.filter((engine) => options.options[engine].regions.includes(slug)),
        ...(app === undefined ? {} : { app: app.slug }),
        joined: app?.home === slug,
      });
      expect(regionNumber(slug)).toBe(facts.regionNumbers.indexOf(slug));
    }
    expect(facts.regionNumbers).toHaveLength(databaseRegions().length);
  });

  it("that are not known or only have apps are refused with every one that can be used", () => {
    expect(findDatabaseRegion("mars1")).toEqual({
      problem: "DigitalOcean has no region of this name",
      allowed: databaseRegions(),
      likely: "nyc1",
    });
    for (const { slug, home } of APP_REGIONS) {
      const here = databaseRegions(({ app }) => app === slug);
      expect(findDatabaseRegion(slug)).toMatchObject({ allowed: here, likely: home });
      expect(findDatabaseRegion(slug)).toMatchObject({ problem: expect.stringMatching(`use (.*(, | or ))?${here.at(-1)}$`) });
    }
    expect(homeOf("mars")).toBeUndefined();
  });

  it("with buckets are those that the provider lists, each with a second region in another city of its continent where there is one", () => {
    expect(spacesRegions().toSorted()).toEqual(facts.spacesRegions.toSorted());
    const continent = (slug: string) => APP_REGIONS.find((region) => region.slug === slug.slice(0, 3))!.continent;
    for (const slug of spacesRegions()) {
      const offsite = offsiteOf(slug)!;
      expect(spacesRegions()).toContain(offsite);
      const others = spacesRegions().filter((other) => other.slice(0, 3) !== slug.slice(0, 3));
      expect(others).toContain(offsite);
      if (others.some((other) => continent(other) === continent(slug))) expect([slug, continent(offsite)]).toEqual([slug, continent(slug)]);
    }
    expect(Object.fromEntries(databaseRegions().map((slug) => [slug, spacesNear(slug)]))).toEqual(facts.nearestBuckets);
    expect(Object.fromEntries(spacesRegions().map((slug) => [slug, offsiteOf(slug)]))).toEqual(facts.secondCopies);
    expect(offsiteOf("nyc1")).toBeUndefined();
    expect(["sfo1", "mars1"].map(spacesNear)).toEqual(["sfo3", "nyc3"]);
  });
});

describe("instance sizes of apps", () => {
  const listed = exampleOf("/v2/apps/tiers/instance_sizes").instance_sizes as readonly Json[];

  it.each(listed.map(({ slug }) => slug as string))("%s is described as the API describes it, with its price", (slug) => {
    const row = listed.find((one) => one.slug === slug)!;
    expect(instanceSize(slug)).toEqual({
      slug,
      cpu: row.cpu_type.toLowerCase(),
      cpus: Number(row.cpus),
      memoryMiB: Number(row.memory_bytes) / 2 ** 20,
      autoscaling: Boolean(row.scalable),
      single: Boolean(row.single_instance_only),
      bandwidthGiB: Number(row.bandwidth_allowance_gib),
    });
    expect(instancePrice(slug)).toBe(Number(row.usd_per_month));
  });

  it("are all that the API lists, and legacy plans are known as such", () => {
    const [sizes, legacy] = schema("app_component_instance_base").properties.instance_size_slug.oneOf;
    expect(INSTANCE_SIZES.map(({ slug }) => slug)).toEqual(sizes.enum);
    expect(DEFAULT_INSTANCE_SIZE).toBe(sizes.default);
    expect(LEGACY_INSTANCE_SIZES).toEqual(legacy.enum);
    for (const slug of legacy.enum)
      expect([isLegacyInstance(slug), findInstance(slug), instancePrice(slug)]).toEqual([true, undefined, undefined]);
    expect(isLegacyInstance("apps-s-1vcpu-1gb")).toBe(false);
    expect(instanceSlugs(({ single }) => single)).toEqual(["apps-s-1vcpu-0.5gb", "apps-s-1vcpu-1gb-fixed"]);
  });
});

describe("versions", () => {
  it("of Postgres are on offer until the days that the API names", () => {
    const day = (time: Json) => time.slice(0, 10);
    const rows = options.version_availability.pg.map(({ version, end_of_availability, end_of_life }: Json) => ({
      major: version,
      available: day(end_of_availability),
      endOfLife: day(end_of_life),
    }));
    expect(POSTGRES_MAJORS).toEqual(rows);
    expect(POSTGRES_MAJORS.map(({ major }) => major)).toEqual(options.options.pg.versions);
    for (const row of rows) expect(findMajor(row.major as string)).toEqual(row);
    expect(findMajor("18")).toBeUndefined();
  });

  it("of Valkey are those that the API lists, and Redis has ended", () => {
    expect(VALKEY_VERSIONS).toEqual(options.options.valkey.versions);
    expect(REDIS_RETIRED).toBe(options.version_availability.redis[0].end_of_life.slice(0, 10));
  });
});

describe("limits", () => {
  it("of names, disks, networks and Valkey databases are those that the API describes", () => {
    expect(NAMES.app.pattern.source).toBe(schema("app_spec").properties.name.pattern);
    expect(NAMES.component.pattern.source).toBe(schema("app_component_base").properties.name.pattern);
    const databases = schema("valkey_advanced_config").properties.valkey_number_of_databases;
    expect(VALKEY_DATABASES).toEqual({ least: databases.minimum, most: databases.maximum });
    const { threshold_percent: threshold, increment_gib: increment } = schema("database_storage_autoscale_params").properties;
    expect(AUTOSCALE).toEqual({
      threshold: { least: threshold.minimum, most: threshold.maximum },
      incrementGiB: { least: increment.minimum, most: increment.maximum },
    });
    const { description } = schema("vpc_create").properties.ip_range;
    expect(description).toContain(`may not be smaller than \`/${NETWORK_PREFIX.narrowest}\` nor larger than \`/${NETWORK_PREFIX.widest}\``);
    expect(schema("connection_pool").properties.name.description).toContain("between 3 and 60 characters");
  });

  it("that only the documentation states are these", () => {
    expect({ trustedSources: MOST_SOURCES, nodes: MOST_NODES, diskStepGiB: DISK_STEP_GIB }).toEqual(facts.limits);
  });

  it.each(facts.names)("of a %s are $least to $most characters", ({ kind, least, most, accepted, refused }) => {
    const { pattern, description } = NAMES[kind as keyof typeof NAMES];
    for (const length of [least, most]) expect("a".repeat(length)).toMatch(pattern);
    for (const length of [0, least - 1, most + 1]) expect("a".repeat(length)).not.toMatch(pattern);
    for (const name of accepted) expect(name).toMatch(pattern);
    for (const name of refused) expect(name).not.toMatch(pattern);
    expect(description).toContain(`${least} to ${most} characters`);
  });
});

describe("prices", () => {
  it("of nodes, storage and checks are the list prices of the file, and nothing else has a price", () => {
    for (const engine of ENGINES) {
      const prices = facts.pricesPerMonth[engine] as Record<string, number>;
      for (const { slug } of nodeSizes(engine)) expect(nodePrice(engine, slug), `${engine} ${slug}`).toBe(prices[slug]);
    }
    expect({ extraStorageGiB: EXTRA_STORAGE_GIB, uptimeCheck: UPTIME_CHECK }).toEqual(facts.pricesPerMonth.others);
    for (const name of ["toString", "__proto__", "", "x"])
      expect([instancePrice(name), nodePrice("pg", name), nodePrice(name, "db-s-1vcpu-1gb")]).toEqual([undefined, undefined, undefined]);
  });

  it("name where they are from, and when that was", () => {
    expect(Object.fromEntries(Object.entries(PRICE_SOURCES).map(([list, { asOf }]) => [list, asOf]))).toEqual(facts.pricesAsOf);
    for (const { about, from } of Object.values(PRICE_SOURCES)) expect([about, from].every((text) => /\w{4}/.test(text))).toBe(true);
  });
});
