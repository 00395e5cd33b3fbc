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
