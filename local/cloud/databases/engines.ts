/**
 * What can be had: engines, versions, regions and sizes as the catalog has them, app sizes from the examples of DigitalOcean's OpenAPI
 * document (2026-08-07). Only the engines that this cloud runs; asking for another one is refused by name.
 */
import { nodeSizes } from "../../../catalog/nodes.ts";
import { databaseRegions } from "../../../catalog/regions.ts";
import { POSTGRES_MAJORS, VALKEY_VERSIONS } from "../../../catalog/versions.ts";

export type Engine = "pg" | "valkey";

interface EngineOffer {
  readonly regions: readonly string[];
  readonly versions: readonly Version[];
}

interface Version {
  readonly version: string;
  readonly endOfLife: string | null;
  readonly endOfAvailability: string | null;
}

const midnight = (day: string): string => `${day}T00:00:00Z`;
const regionsOf = (engine: Engine): string[] => databaseRegions(({ engines }) => engines.includes(engine));

export const ENGINES: Readonly<Record<Engine, EngineOffer>> = {
  pg: {
    regions: regionsOf("pg"),
    versions: POSTGRES_MAJORS.map(({ major, endOfLife, available }) => ({
      version: major,
      endOfLife: midnight(endOfLife),
      endOfAvailability: midnight(available),
    })),
  },
  valkey: {
    regions: regionsOf("valkey"),
    versions: VALKEY_VERSIONS.map((version) => ({ version, endOfLife: null, endOfAvailability: null })),
  },
};

export const MAX_NODES = 3;

/** A standby needs 2 GiB: the smallest plans come in one node only. */
export const sizesFor = (engine: Engine, nodes: number): readonly string[] => nodeSizes(engine, nodes).map(({ slug }) => slug);

export const memoryGib = (size: string): number => Number(/-(\d+)gb/.exec(size)?.[1]);

/** What a plan comes with, as DigitalOcean's price page lists the shared plans; larger plans are given 18 GiB a GiB of memory. */
export function baseStorageMib(engine: Engine, size: string): number {
  if (engine === "valkey") return 0;
  const memory = memoryGib(size);
  return ({ 1: 10, 2: 30, 4: 60, 8: 140, 16: 290 }[memory] ?? memory * 18) * 1024;
}

/** Connections a Postgres node takes: 25 for each GiB of memory, less the three that DigitalOcean keeps. */
export const connectionLimit = (size: string): number => Math.min(25 * memoryGib(size), 1000) - 3;

export const isDatacenter = (region: string): boolean => databaseRegions().includes(region);

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

/** A data center names the region that it is in. */
export const findAppRegion = (name: string): AppRegion | undefined =>
  APP_REGIONS.find(({ slug, data_centers }) => slug === name || data_centers.includes(name));

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

/** What a component gets that names no size. */
export const DEFAULT_APP_SIZE = "apps-s-1vcpu-0.5gb";

/** Slugs from before 2024, still accepted in a spec. */
export const OLD_APP_SIZES = [
  "basic-xxs basic-xs basic-s basic-m",
  "professional-xs professional-s professional-m professional-1l professional-l professional-xl",
].flatMap((line) => line.split(" "));
