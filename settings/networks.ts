/** The region of each system, and the private network of each region. */
import { networksOverlap } from "../catalog/private-networks.ts";
import { type DatabaseRegion, databaseRegions, findDatabaseRegion, homeOf } from "../catalog/regions.ts";
import { networkBlock, REGION } from "./defaults.ts";
import { configName } from "./operator.ts";
import type { Path, Problems } from "./problems.ts";
import type { RequestedSystem } from "./schema.ts";
import type { Environment, NetworkSettings } from "./settings.ts";
import { checkNetwork } from "./sources.ts";

interface SystemPlace {
  readonly name: string;
  readonly requested: RequestedSystem;
  readonly region: DatabaseRegion;
}

/** `databaseRegion` of values.ts accepts only regions with apps. */
export function appRegionOf(region: DatabaseRegion): string {
  return region.app!;
}

export function defaultRegion(): DatabaseRegion {
  return findDatabaseRegion(REGION) as DatabaseRegion;
}

/** The stack's own region first, then the others in the order of the systems. */
export function networksOf(
  environment: Environment,
  main: DatabaseRegion,
  mainCidr: string,
  placed: readonly SystemPlace[],
  problems: Problems,
): NetworkSettings[] {
  const regions = [...new Set([main, ...placed.map(({ region }) => region)])].filter((region) =>
    placed.some((system) => system.region === region),
  );
  const blocks = new Map<string, string>();
  for (const region of regions) {
    if (region === main) {
      blocks.set(region.slug, mainCidr);
      continue;
    }
    const { cidr, at } = blockOf(environment, region, placed, problems);
    const overlapping = [...blocks].find(([, other]) => networksOverlap(cidr, other));
    if (overlapping !== undefined) {
      problems.add({
        at,
        given: cidr,
        problem: `it overlaps the network in ${overlapping[0]}, ${overlapping[1]}; networks of one account must not overlap`,
        allowed: "a private block that no other network has",
        fix: [{ set: at, to: freeBlock(environment, [...blocks.values()]) }],
      });
    }
    blocks.set(region.slug, cidr);
  }
  for (const { name, requested, region } of placed) {
    const at = [configName(name), "vpcCidr"];
    if (requested.vpcCidr === undefined || region !== main) continue;
    problems.add({
      at,
      given: requested.vpcCidr,
      problem: `the system is in the stack's own region, whose network is slipway:vpcCidr`,
      allowed: "a block only together with a region of the system's own",
      fix: [{ remove: at }],
    });
  }
  return regions.map((region) => ({ region: region.slug, cidr: blocks.get(region.slug)! }));
}

function blockOf(
  environment: Environment,
  region: DatabaseRegion,
  placed: readonly SystemPlace[],
  problems: Problems,
): { cidr: string; at: Path } {
  const here = placed.filter((system) => system.region === region);
  const [first, ...others] = here.filter(({ requested }) => requested.vpcCidr !== undefined);
  if (first === undefined) return { cidr: networkBlock(environment, region.slug), at: [configName(here[0]!.name), "vpcCidr"] };
  const cidr = first.requested.vpcCidr!;
  const at = [configName(first.name), "vpcCidr"];
  checkNetwork(at, cidr, problems);
  for (const { name, requested } of others) {
    if (requested.vpcCidr === cidr) continue;
    problems.add({
      at: [configName(name), "vpcCidr"],
      given: requested.vpcCidr,
      problem: `${first.name} gives the network in ${region.slug} another block, and a region has one network`,
      allowed: cidr,
      fix: [{ set: [configName(name), "vpcCidr"], to: cidr }],
    });
  }
  return { cidr, at };
}

/** A default block of a region that overlaps no other network. */
function freeBlock(environment: Environment, taken: readonly string[]): string {
  const blocks = databaseRegions().map((slug) => networkBlock(environment, slug));
  return blocks.find((block) => !taken.some((other) => networksOverlap(block, other))) ?? "<private block>";
}

/** Notices for data centres that the apps of their city may not reach. */
export function distanceNotices(regions: readonly DatabaseRegion[]): string[] {
  return [...new Set(regions)]
    .filter(({ joined }) => !joined)
    .map(
      (region) =>
        `Apps in ${region.app} join private networks in ${homeOf(appRegionOf(region))}. They may not reach databases in ${region.slug}; test with staging first.`,
    );
}
