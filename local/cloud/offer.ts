/** The catalog's engines, versions, regions and sizes in the shapes of DigitalOcean's API. Only the engines that this cloud runs. */
import { findNode, nodeSizes, usableConnections } from "../../catalog/nodes.ts";
import { APP_REGIONS, databaseRegions } from "../../catalog/regions.ts";
import { POSTGRES_MAJORS, VALKEY_VERSIONS } from "../../catalog/versions.ts";

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

/** A standby needs 2 GiB: the smallest plans come in one node only. */
export const sizesFor = (engine: Engine, nodes: number): readonly string[] => nodeSizes(engine, nodes).map(({ slug }) => slug);

export const memoryGib = (size: string): number => Number(/-(\d+)gb/.exec(size)?.[1]);

/** The disk that a size includes. Where the catalog has none, this is an assumption of the local cloud: 140, 290 or 18 GiB for each GiB of memory. */
export function baseStorageMib(engine: Engine, size: string): number {
  if (engine === "valkey") return 0;
  const memory = memoryGib(size);
  return (findNode(size)?.diskGiB ?? { 1: 10, 2: 30, 4: 60, 8: 140, 16: 290 }[memory] ?? memory * 18) * 1024;
}

export const connectionLimit = (size: string): number => usableConnections({ memoryGiB: memoryGib(size) });

export const isDatacenter = (region: string): boolean => databaseRegions().includes(region);

// ── App Platform ────────────────────────────────────────────────────────────────────────────────────────────────────

export const APP_REGION_VIEWS = APP_REGIONS.map(({ slug, city, country, continent, dataCenters }) => ({
  slug,
  label: city,
  flag: country,
  continent,
  data_centers: dataCenters,
  ...(slug === "nyc" && { default: true as const }),
}));
