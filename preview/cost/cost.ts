/** What a plan costs a month by the public price list. */
import { PRICE_SOURCES, type PriceList, UPTIME_CHECK } from "../../catalog/prices.ts";
import type { Plan, PlannedResource } from "../../engine/plan.ts";
import { owners } from "../../report/plan/owner.ts";
import { appLines } from "./app.ts";
import { clusterLines, replicaLines } from "./database.ts";
import type { CostLine, Priced } from "./line.ts";

export type { CostLine } from "./line.ts";

export interface PlanCost {
  readonly lines: readonly CostLine[];
  /** Of what has a price. */
  readonly total: number;
  readonly unpriced: readonly CostLine[];
  /** Of the oldest price in it, YYYY-MM-DD. */
  readonly asOf: string;
}

const DIGITALOCEAN = "digitalocean:index/";

/** Things that DigitalOcean does not charge for, by type. Whatever is in neither list is told as unpriced. */
const FREE = [
  ...["vpc:Vpc", "project:Project", "projectResources:ProjectResources", "tag:Tag", "domain:Domain", "dnsRecord:DnsRecord"],
  ...["databaseDb:DatabaseDb", "databaseUser:DatabaseUser", "databaseConnectionPool:DatabaseConnectionPool"],
  ...[
    "databaseFirewall:DatabaseFirewall",
    "databasePostgresqlConfig:DatabasePostgresqlConfig",
    "databaseValkeyConfig:DatabaseValkeyConfig",
  ],
  ...["monitorAlert:MonitorAlert", "uptimeAlert:UptimeAlert", "spacesKey:SpacesKey"],
].map((type) => DIGITALOCEAN + type);

const PRICED: Readonly<Record<string, Priced>> = {
  "app:App": appLines,
  "databaseCluster:DatabaseCluster": clusterLines,
  "databaseReplica:DatabaseReplica": replicaLines,
  "uptimeCheck:UptimeCheck": () => [{ what: "uptime check", usd: UPTIME_CHECK, list: "uptime" }],
  "spacesBucket:SpacesBucket": () => [{ what: "Spaces bucket, paid by what it holds" }],
};

export function costOf(plan: Pick<Plan, "resources">): PlanCost {
  const ownerOf = owners(plan);
  const lines = plan.resources.flatMap((resource): CostLine[] => {
    const system = ownerOf(resource);
    return priced(resource).map(({ of, ...line }) => ({
      urn: resource.urn,
      resource: of === undefined ? resource.name : `${resource.name} ${of}`,
      ...(system === undefined ? {} : { system }),
      ...line,
    }));
  });
  return {
    lines,
    total: sum(lines),
    unpriced: lines.filter(({ usd }) => usd === undefined),
    asOf:
      sourcesOf(lines)
        .map(({ asOf }) => asOf)
        .sort()[0] ??
      Object.values(PRICE_SOURCES)
        .map(({ asOf }) => asOf)
        .sort()[0]!,
  };
}

export function sum(lines: readonly CostLine[]): number {
  // Cents, because prices have cents and sums of binary fractions do not.
  return lines.reduce((cents, { usd = 0 }) => cents + Math.round(usd * 100), 0) / 100;
}

/** The price lists that these lines were read from. */
export function sourcesOf(lines: readonly CostLine[]) {
  const used = new Set(lines.flatMap(({ list }) => list ?? []));
  return (Object.keys(PRICE_SOURCES) as PriceList[]).filter((list) => used.has(list)).map((list) => PRICE_SOURCES[list]);
}

function priced(resource: PlannedResource): ReturnType<Priced> {
  const { type, custom, read } = resource;
  if (!custom || read || !type.startsWith(DIGITALOCEAN) || FREE.includes(type)) return [];
  const kind = type.slice(DIGITALOCEAN.length);
  return Object.hasOwn(PRICED, kind) ? PRICED[kind]!(resource) : [{ what: kind.slice(kind.indexOf(":") + 1) }];
}
