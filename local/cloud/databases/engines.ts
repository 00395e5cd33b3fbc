/** The supported engines with their versions, regions and sizes, from the catalog. */
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

/** Plans below 2 GiB allow no standby node. */
export const sizesFor = (engine: Engine, nodes: number): readonly string[] => nodeSizes(engine, nodes).map(({ slug }) => slug);

export const memoryGib = (size: string): number => Number(/-(\d+)gb/.exec(size)?.[1]);

/** The storage included in a plan: DigitalOcean's price list for shared plans, 18 GiB per GiB of memory for larger ones. */
export function baseStorageMib(engine: Engine, size: string): number {
  if (engine === "valkey") return 0;
  const memory = memoryGib(size);
  return ({ 1: 10, 2: 30, 4: 60, 8: 140, 16: 290 }[memory] ?? memory * 18) * 1024;
}

/** The connections of a Postgres node: 25 per GiB of memory, minus the 3 that DigitalOcean reserves. */
export const connectionLimit = (size: string): number => Math.min(25 * memoryGib(size), 1000) - 3;
