/**
 * Regions. Databases and private networks are in a data centre (nyc1), apps in an App Platform region (nyc). One is often typed in place of the other, so
 * each can be found by the other.
 *
 * Source: github.com/digitalocean/openapi, commit 7c1300c (2026-08-07): the examples of GET /v2/databases/options and GET /v2/apps/regions,
 * and the enum of an app spec's region. Spaces: `SpacesRegions` of terraform-provider-digitalocean v2.99.1.
 */

export type Engine = "pg" | "valkey";

export interface DatabaseRegion {
  readonly slug: string;
  readonly city: string;
  readonly engines: readonly Engine[];
  /** The App Platform region in the same city; absent where there is none. */
  readonly app?: string;
  /** Whether apps of that region can join private networks here. They cannot in nyc2, nyc3 and sfo2. */
  readonly joined: boolean;
}

export interface AppRegion {
  readonly slug: string;
  readonly city: string;
  readonly country: string;
  readonly continent: string;
  readonly dataCenters: readonly string[];
  /**
   * The data centre whose private network its apps can join. For New York the API's example names nyc1 and nyc3; DigitalOcean's guide to
   * trusted sources (digitalocean-labs/do-app-platform-skills, 2026-08-02) names nyc1 alone, so nyc1 is the safe one.
   */
  readonly home: string;
}

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

function appRegion(
  slug: string,
  city: string,
  country: string,
  continent: string,
  ...dataCenters: readonly [string, ...string[]]
): AppRegion {
  return { slug, city, country, continent, dataCenters, home: dataCenters[0] };
}

/** Append only: the index of a region is part of its network's default address block. */
const DATABASE_REGIONS: readonly DatabaseRegion[] = [
  region("ams3", "Amsterdam"),
  region("blr1", "Bangalore"),
  region("fra1", "Frankfurt"),
  region("lon1", "London"),
  region("nyc1", "New York"),
  region("nyc2", "New York", ["pg"]),
  region("nyc3", "New York"),
  region("sfo2", "San Francisco"),
  region("sfo3", "San Francisco"),
  region("sgp1", "Singapore"),
  region("syd1", "Sydney"),
  region("tor1", "Toronto"),
  region("ric1", "Richmond"),
  region("atl1", "Atlanta"),
];

/** Regions with buckets, each with the region of second copies: another city of the same continent where there is one. */
const SPACES_REGIONS: Readonly<Record<string, { readonly offsite: string }>> = {
  ams3: { offsite: "fra1" },
  atl1: { offsite: "sfo3" },
  blr1: { offsite: "sgp1" },
  fra1: { offsite: "ams3" },
  lon1: { offsite: "fra1" },
  nyc3: { offsite: "sfo3" },
  sfo2: { offsite: "nyc3" },
  sfo3: { offsite: "nyc3" },
  sgp1: { offsite: "blr1" },
  syd1: { offsite: "sgp1" },
  tor1: { offsite: "nyc3" },
};

function region(slug: string, city: string, engines: readonly Engine[] = ["pg", "valkey"]): DatabaseRegion {
  const app = APP_REGIONS.find((candidate) => candidate.slug === slug.slice(0, 3));
  return { slug, city, engines, ...(app === undefined ? {} : { app: app.slug }), joined: app?.home === slug };
}

/** Why a name cannot be used, which names can, and the most likely one. */
export interface RegionRefusal {
  readonly problem: string;
  readonly allowed: readonly string[];
  readonly likely: string;
}

/** Upper case is accepted: NYC1 is nyc1. */
export function findDatabaseRegion(given: string): DatabaseRegion | RegionRefusal {
  const slug = given.toLowerCase();
  const found = DATABASE_REGIONS.find((candidate) => candidate.slug === slug);
  if (found !== undefined) return found;
  const app = APP_REGIONS.find((candidate) => candidate.slug === slug);
  if (app === undefined)
    return { problem: "DigitalOcean has no region of this name", allowed: DATABASE_REGIONS.map(({ slug }) => slug), likely: "nyc1" };
  const allowed = DATABASE_REGIONS.filter((candidate) => candidate.app === slug).map(({ slug }) => slug);
  return { problem: `${slug} is an App Platform region; use ${either(allowed)}`, allowed, likely: app.home };
}

/** By its own name, or by that of one of its data centres. */
export function findAppRegion(name: string): AppRegion | undefined {
  return APP_REGIONS.find(({ slug, dataCenters }) => slug === name || dataCenters.includes(name));
}

export function databaseRegions(usable: (region: DatabaseRegion) => boolean = () => true): string[] {
  return DATABASE_REGIONS.filter(usable).map(({ slug }) => slug);
}

/** The data centre whose private network the apps of an App Platform region can join. */
export function homeOf(app: string): string | undefined {
  return APP_REGIONS.find(({ slug }) => slug === app)?.home;
}

/** A number for each region, for address blocks that do not overlap. */
export function regionNumber(slug: string): number {
  return DATABASE_REGIONS.findIndex((candidate) => candidate.slug === slug);
}

export function spacesRegions(): string[] {
  return Object.keys(SPACES_REGIONS);
}

/** The buckets nearest to a database region: in the same city where there are any, else in New York. */
export function spacesNear(slug: string): string {
  if (slug in SPACES_REGIONS) return slug;
  return Object.keys(SPACES_REGIONS).findLast((candidate) => candidate.startsWith(slug.slice(0, 3))) ?? "nyc3";
}

export function offsiteOf(spaces: string): string | undefined {
  return SPACES_REGIONS[spaces]?.offsite;
}

function either(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
