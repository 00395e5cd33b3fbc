/**
 * What can be had, from the examples of DigitalOcean's OpenAPI document (2026-08-07): engines, versions, regions, sizes.
 * Only the engines that this cloud runs; asking for another one is refused by name.
 */

export type Engine = "pg" | "valkey";

const DATACENTERS = "ams3 blr1 fra1 lon1 nyc1 nyc2 nyc3 sfo2 sfo3 sgp1 syd1 tor1 ric1 atl1".split(" ");

const PG_SIZES = [
  "db-s-1vcpu-1gb db-s-1vcpu-2gb db-s-2vcpu-4gb db-s-4vcpu-8gb db-s-6vcpu-16gb",
  "gd-2vcpu-8gb gd-4vcpu-16gb gd-8vcpu-32gb gd-16vcpu-64gb gd-32vcpu-128gb gd-40vcpu-160gb",
  "so1_5-2vcpu-16gb so1_5-4vcpu-32gb so1_5-8vcpu-64gb so1_5-16vcpu-128gb so1_5-24vcpu-192gb so1_5-32vcpu-256gb",
  "db-intel-1vcpu-1gb db-amd-1vcpu-1gb db-intel-1vcpu-2gb db-amd-1vcpu-2gb db-amd-2vcpu-4gb db-intel-2vcpu-4gb",
  "db-amd-2vcpu-8gb db-intel-2vcpu-8gb db-intel-4vcpu-8gb db-amd-4vcpu-8gb db-amd-4vcpu-16gb db-intel-4vcpu-16gb",
  "db-intel-8vcpu-32gb db-amd-8vcpu-32gb db-intel-16vcpu-64gb db-amd-16vcpu-64gb",
].flatMap((line) => line.split(" "));

const VALKEY_SIZES = [
  "db-s-1vcpu-1gb db-s-1vcpu-2gb db-s-2vcpu-4gb db-s-4vcpu-8gb db-s-6vcpu-16gb db-s-8vcpu-32gb db-s-16vcpu-64gb",
  "m-2vcpu-16gb m-4vcpu-32gb m-8vcpu-64gb m-16vcpu-128gb m-24vcpu-192gb m-32vcpu-256gb",
].flatMap((line) => line.split(" "));

interface EngineOffer {
  readonly regions: readonly string[];
  readonly versions: readonly Version[];
  readonly sizes: readonly string[];
}

interface Version {
  readonly version: string;
  readonly endOfLife: string | null;
  readonly endOfAvailability: string | null;
}

const version = (name: string, endOfLife: string | null = null, endOfAvailability: string | null = null): Version => ({
  version: name,
  endOfLife: endOfLife && `${endOfLife}T00:00:00Z`,
  endOfAvailability: endOfAvailability && `${endOfAvailability}T00:00:00Z`,
});

export const ENGINES: Readonly<Record<Engine, EngineOffer>> = {
  pg: {
    regions: DATACENTERS,
    versions: [
      version("13", "2025-11-13", "2025-05-13"),
      version("14", "2026-11-12", "2026-05-12"),
      version("15", "2027-11-11", "2027-05-12"),
      version("16", "2028-11-09", "2028-05-09"),
      version("17", "2029-11-08", "2029-05-08"),
    ],
    sizes: PG_SIZES,
  },
  valkey: { regions: DATACENTERS.filter((region) => region !== "nyc2"), versions: [version("8")], sizes: VALKEY_SIZES },
};

export const MAX_NODES = 3;

/** A standby needs 2 GiB: the smallest plans come in one node only. */
export const sizesFor = (engine: Engine, nodes: number): readonly string[] =>
  nodes === 1 ? ENGINES[engine].sizes : ENGINES[engine].sizes.filter((size) => memoryGib(size) > 1);

export const memoryGib = (size: string): number => Number(/-(\d+)gb/.exec(size)?.[1]);

/** What a plan comes with, as DigitalOcean's price page lists the shared plans; larger plans are given 18 GiB a GiB of memory. */
export function baseStorageMib(engine: Engine, size: string): number {
  if (engine === "valkey") return 0;
  const memory = memoryGib(size);
  return ({ 1: 10, 2: 30, 4: 60, 8: 140, 16: 290 }[memory] ?? memory * 18) * 1024;
}

/** Connections a Postgres node takes: 25 for each GiB of memory, less the three that DigitalOcean keeps. */
export const connectionLimit = (size: string): number => Math.min(25 * memoryGib(size), 1000) - 3;

export const isDatacenter = (region: string): boolean => DATACENTERS.includes(region);

// ── App Platform ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface AppRegion {
  readonly slug: string;
  readonly label: string;
  readonly flag: string;
  readonly continent: string;
  readonly data_centers: readonly string[];
  readonly default?: true;
}

const appRegion = (slug: string, label: string, flag: string, continent: string, ...data_centers: string[]): AppRegion => ({
  slug,
  label,
  flag,
  continent,
  data_centers,
  ...(slug === "nyc" && { default: true }),
});

export const APP_REGIONS: readonly AppRegion[] = [
  appRegion("ams", "Amsterdam", "netherlands", "Europe", "ams3"),
  appRegion("atl", "Atlanta", "usa", "North America", "atl1"),
  appRegion("nyc", "New York", "usa", "North America", "nyc1", "nyc3"),
  appRegion("fra", "Frankfurt", "germany", "Europe", "fra1"),
  appRegion("sfo", "San Francisco", "usa", "North America", "sfo3"),
  appRegion("sgp", "Singapore", "singapore", "Asia", "sgp1"),
  appRegion("blr", "Bangalore", "india", "Asia", "blr1"),
  appRegion("tor", "Toronto", "canada", "North America", "tor1"),
  appRegion("lon", "London", "uk", "Europe", "lon1"),
  appRegion("syd", "Sydney", "australia", "Australia", "syd1"),
];

export interface AppSize {
  readonly slug: string;
  readonly cpus: number;
  readonly memoryGib: number;
  readonly usdPerMonth: number;
  readonly bandwidthGib: number;
  readonly dedicated: boolean;
  /** The two smallest shared sizes cannot be scaled out. */
  readonly singleInstance: boolean;
}

const appSize = (slug: string, usdPerMonth: number, bandwidthGib: number): AppSize => {
  const [, cpus, memory] = /(\d+)vcpu-([\d.]+)gb/.exec(slug) ?? [];
  return {
    slug,
    cpus: Number(cpus),
    memoryGib: Number(memory),
    usdPerMonth,
    bandwidthGib,
    dedicated: slug.startsWith("apps-d-"),
    singleInstance: slug === "apps-s-1vcpu-0.5gb" || slug === "apps-s-1vcpu-1gb-fixed",
  };
};

export const APP_SIZES: readonly AppSize[] = [
  appSize("apps-s-1vcpu-0.5gb", 5, 50),
  appSize("apps-s-1vcpu-1gb-fixed", 10, 100),
  appSize("apps-s-1vcpu-1gb", 12, 150),
  appSize("apps-s-1vcpu-2gb", 25, 200),
  appSize("apps-s-2vcpu-4gb", 50, 250),
  appSize("apps-d-1vcpu-0.5gb", 29, 100),
  appSize("apps-d-1vcpu-1gb", 34, 200),
  appSize("apps-d-1vcpu-2gb", 39, 300),
  appSize("apps-d-1vcpu-4gb", 49, 400),
  appSize("apps-d-2vcpu-4gb", 78, 500),
  appSize("apps-d-2vcpu-8gb", 98, 600),
  appSize("apps-d-4vcpu-8gb", 156, 700),
  appSize("apps-d-4vcpu-16gb", 196, 800),
  appSize("apps-d-8vcpu-32gb", 392, 900),
];

/** Slugs from before 2024, still accepted in a spec. */
export const OLD_APP_SIZES = [
  "basic-xxs basic-xs basic-s basic-m",
  "professional-xs professional-s professional-m professional-1l professional-l professional-xl",
].flatMap((line) => line.split(" "));
