/** The supported engines with their versions, regions and sizes, from the catalog. */
import { findNode, nodeSizes, usableConnections } from "../../../catalog/nodes.ts";
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

/** Plans below 2 GiB allow no standby node. */
export const sizesFor = (engine: Engine, nodes: number): readonly string[] => nodeSizes(engine, nodes).map(({ slug }) => slug);

export const memoryGib = (size: string): number => Number(/-(\d+)gb/.exec(size)?.[1]);

/** The storage included in a plan. Where the catalog has none, it is an assumption: 140, 290 or 18 GiB per GiB of memory. */
export function baseStorageMib(engine: Engine, size: string): number {
  if (engine === "valkey") return 0;
  const memory = memoryGib(size);
  return (findNode(size)?.diskGiB ?? { 1: 10, 2: 30, 4: 60, 8: 140, 16: 290 }[memory] ?? memory * 18) * 1024;
}

export const connectionLimit = (size: string): number => usableConnections({ memoryGiB: memoryGib(size) });
