/** The monthly cost of a plan, from the public price lists. */
import { findNode } from "../../catalog/nodes.ts";
import { EXTRA_STORAGE_GIB, instancePrice, nodePrice, PRICE_SOURCES, type PriceList, UPTIME_CHECK } from "../../catalog/prices.ts";
import type { Plan, PlannedResource, Value } from "../../engine/plan.ts";
import { componentsOf, field, items } from "../../report/plan/app-spec.ts";
import { owners } from "../../report/plan/owner.ts";

export interface PlanCost {
  readonly lines: readonly CostLine[];
  /** Of every line that has a price. */
  readonly total: number;
  readonly unpriced: readonly CostLine[];
  /** Whether the real total is higher by an amount that is not known. */
  readonly isMinimum: boolean;
  /** Date of the oldest price in it, YYYY-MM-DD. */
  readonly asOf: string;
}

export interface CostLine {
  readonly urn: string;
  /** "shop-postgres-cluster", "shop-web-app api". */
  readonly resource: string;
  readonly system?: string;
  /** What is billed: "2 × db-s-2vcpu-4gb (pg)". */
  readonly what: string;
  /** US dollars a month; undefined is unpriced, never 0. */
  readonly usd?: number;
  /** It costs an amount that no price list here has, such as that of a new size. Without it, an unpriced line is billed by use. */
  readonly isUnknown?: true;
  /** The price list that it comes from. */
  readonly list?: PriceList;
}

/** A line of one resource; `of` names a part of the resource. */
type ResourceLine = Pick<CostLine, "what" | "usd" | "list" | "isUnknown"> & { readonly of?: string };

const DIGITALOCEAN = "digitalocean:index/";

/** Types that DigitalOcean does not bill. A type in neither list is unpriced. */
const FREE = [
  ...["vpc:Vpc", "project:Project", "projectResources:ProjectResources", "tag:Tag", "domain:Domain", "dnsRecord:DnsRecord"],
  ...["databaseDb:DatabaseDb", "databaseUser:DatabaseUser", "databaseConnectionPool:DatabaseConnectionPool"],
  ...[
    "databaseFirewall:DatabaseFirewall",
    "databasePostgresqlConfig:DatabasePostgresqlConfig",
    "databaseValkeyConfig:DatabaseValkeyConfig",
  ],
  ...["monitorAlert:MonitorAlert", "uptimeAlert:UptimeAlert", "spacesKey:SpacesKey"],
  ...["spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration", "cdn:Cdn"],
].map((type) => DIGITALOCEAN + type);

const PRICED: Readonly<Record<string, (resource: PlannedResource) => readonly ResourceLine[]>> = {
  "app:App": appLines,
  "databaseCluster:DatabaseCluster": clusterLines,
  "databaseReplica:DatabaseReplica": replicaLines,
  "uptimeCheck:UptimeCheck": () => [{ what: "uptime check", usd: UPTIME_CHECK, list: "uptime" }],
  "spacesBucket:SpacesBucket": () => [{ what: "Spaces bucket, billed by its contents" }],
};

export function costOf(plan: Pick<Plan, "resources">): PlanCost {
  const ownerOf = owners(plan);
  const lines = plan.resources.flatMap((resource): CostLine[] => {
    const system = ownerOf(resource);
    return linesOf(resource).map(({ of, ...line }) => ({
      urn: resource.urn,
      resource: of === undefined ? resource.name : `${resource.name} ${of}`,
      ...(system === undefined ? {} : { system }),
      ...line,
    }));
  });
  const sources = sourcesOf(lines);
  const dates = (sources.length > 0 ? sources : Object.values(PRICE_SOURCES)).map(({ asOf }) => asOf);
  return {
    ...{ lines, total: sum(lines), unpriced: lines.filter(({ usd }) => usd === undefined) },
    ...{ isMinimum: lines.some(({ isUnknown }) => isUnknown), asOf: dates.sort()[0]! },
  };
}

export function sum(lines: readonly CostLine[]): number {
  // In cents, because sums of binary fractions are not exact.
  return lines.reduce((cents, { usd = 0 }) => cents + Math.round(usd * 100), 0) / 100;
}

/** The price lists that these lines come from. */
export function sourcesOf(lines: readonly CostLine[]) {
  const used = new Set(lines.flatMap(({ list }) => list ?? []));
  return (Object.keys(PRICE_SOURCES) as PriceList[]).filter((list) => used.has(list)).map((list) => PRICE_SOURCES[list]);
}

function linesOf(resource: PlannedResource): readonly ResourceLine[] {
  const { type, custom, read } = resource;
  if (!custom || read || !type.startsWith(DIGITALOCEAN) || FREE.includes(type)) return [];
  const kind = type.slice(DIGITALOCEAN.length);
  return Object.hasOwn(PRICED, kind) ? PRICED[kind]!(resource) : [{ what: kind.slice(kind.indexOf(":") + 1), isUnknown: true }];
}

/** An app is billed by component: services and workers by instance, jobs by the second. */
function appLines(app: PlannedResource): readonly ResourceLine[] {
  const developmentDatabases = items(field(app.inputs.spec, "databases")).filter(
    (database) => typeof field(database, "clusterName") !== "string",
  );
  return [
    ...componentsOf(app).map(({ kind, name: of, fields }): ResourceLine => {
      if (kind === "job") return { of, what: `${sizeOf(fields)}, a job: billed while it runs` };
      if (kind === "site") return { of, what: "a static site" };
      if (kind === "function") return { of, what: "functions, billed by use" };
      return { of, ...instances(fields) };
    }),
    // A database without a cluster is a development database, which App Platform creates and bills.
    ...developmentDatabases.map((database) => ({
      of: text(field(database, "name"), "?"),
      what: "a development database",
      isUnknown: true as const,
    })),
  ];
}

function instances(component: Value): ResourceLine {
  const size = sizeOf(component);
  const scaling = field(component, "autoscaling");
  const least = number(scaling === undefined ? field(component, "instanceCount") : field(scaling, "minInstanceCount"), 1);
  const most = scaling === undefined ? least : number(field(scaling, "maxInstanceCount"), 1);
  const times = least === most ? `${least ?? "?"} ×` : `${least ?? "?"} to ${most ?? "?"} ×`;
  return { what: `${times} ${size}`, ...(least === undefined ? { isUnknown: true } : price("instances", instancePrice(size), least)) };
}

/** App Platform's default is its smallest size. */
const sizeOf = (component: Value): string => text(field(component, "instanceSizeSlug"), "apps-s-1vcpu-0.5gb");

/** A cluster is billed by node, and by the disk above what its nodes include. */
function clusterLines({ inputs }: PlannedResource): readonly ResourceLine[] {
  const engine = text(field(inputs, "engine"), "?");
  const size = text(field(inputs, "size"), "?");
  const nodes = number(field(inputs, "nodeCount"), 1);
  const what = `${nodes ?? "?"} × ${size} (${engine})`;
  return [
    { what, ...(nodes === undefined ? { isUnknown: true } : price("databases", nodePrice(engine, size), nodes)) },
    ...extraStorage(field(inputs, "storageSizeMib"), size),
  ];
}

/** Only Postgres has replicas. A replica without a size has its cluster's, which its inputs do not contain. */
function replicaLines({ inputs }: PlannedResource): readonly ResourceLine[] {
  const size = text(field(inputs, "size"), "its cluster's size");
  return [
    { what: `replica, 1 × ${size} (pg)`, ...price("databases", nodePrice("pg", size)) },
    ...extraStorage(field(inputs, "storageSizeMib"), size),
  ];
}

function extraStorage(mebibytes: Value | undefined, size: string): readonly ResourceLine[] {
  if (typeof mebibytes !== "string" && typeof mebibytes !== "number") return [];
  const gibibytes = Number(mebibytes) / 1024;
  const included = findNode(size)?.diskGiB;
  if (included === undefined) return [{ of: "disk", what: `${gibibytes} GiB`, isUnknown: true }];
  const extra = gibibytes - included;
  return extra > 0
    ? [{ of: "disk", what: `${extra} GiB more than the ${included} GiB of its size`, ...price("databases", EXTRA_STORAGE_GIB, extra) }]
    : [];
}

function price(list: PriceList, each: number | undefined, times = 1): Pick<CostLine, "usd" | "list" | "isUnknown"> {
  return each === undefined ? { isUnknown: true } : { usd: Math.round(each * times * 100) / 100, list };
}

export function text(value: Value | undefined, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

/** Undefined if only the provider will know the number. */
function number(value: Value | undefined, absent: number): number | undefined {
  if (value === undefined || value === null) return absent;
  return typeof value === "number" ? value : undefined;
}
