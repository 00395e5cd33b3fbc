/**
 * Sizes of managed database nodes: memory, engines, and whether a cluster of that size can have standby nodes.
 *
 * Source: github.com/digitalocean/openapi, commit 7c1300c (2026-08-07), the example of GET /v2/databases/options. Connections per GiB and the three that
 * are reserved: its description of a connection pool's size. It does not state the maximum of 1,000: that is the maximum of the plans of Aiven, who
 * operate the same service on DigitalOcean (max_connections of 64 GiB and more), and the lower figure is the safe one in a budget.
 * Disks: DigitalOcean publishes a range per plan. Listed are the sizes that the acceptance tests of terraform-provider-digitalocean v2.99.1 and the
 * examples of the OpenAPI document confirm.
 */
import type { Engine } from "./regions.ts";

export interface NodeSize {
  readonly slug: string;
  readonly vcpus: number;
  readonly memoryGiB: number;
  readonly engines: readonly Engine[];
  /** Whether clusters of two and three nodes can have it. */
  readonly standby: boolean;
  /** The included disk, which is also the smallest; undefined where no public source confirms it. */
  readonly diskGiB: number | undefined;
}

/** The slug contains vCPUs and memory, so the tables need no columns. Smallest first. */
const BOTH = ["db-s-1vcpu-1gb", "db-s-1vcpu-2gb", "db-s-2vcpu-4gb", "db-s-4vcpu-8gb", "db-s-6vcpu-16gb"];
const POSTGRES = [
  ...["gd-2vcpu-8gb", "gd-4vcpu-16gb", "gd-8vcpu-32gb", "gd-16vcpu-64gb", "gd-32vcpu-128gb", "gd-40vcpu-160gb"],
  ...["so1_5-2vcpu-16gb", "so1_5-4vcpu-32gb", "so1_5-8vcpu-64gb", "so1_5-16vcpu-128gb", "so1_5-24vcpu-192gb", "so1_5-32vcpu-256gb"],
  ...["db-intel-1vcpu-1gb", "db-intel-1vcpu-2gb", "db-intel-2vcpu-4gb", "db-intel-2vcpu-8gb", "db-intel-4vcpu-8gb"],
  ...["db-intel-4vcpu-16gb", "db-intel-8vcpu-32gb", "db-intel-16vcpu-64gb"],
  ...["db-amd-1vcpu-1gb", "db-amd-1vcpu-2gb", "db-amd-2vcpu-4gb", "db-amd-2vcpu-8gb", "db-amd-4vcpu-8gb"],
  ...["db-amd-4vcpu-16gb", "db-amd-8vcpu-32gb", "db-amd-16vcpu-64gb"],
];
const VALKEY = [
  ...["db-s-8vcpu-32gb", "db-s-16vcpu-64gb"],
  ...["m-2vcpu-16gb", "m-4vcpu-32gb", "m-8vcpu-64gb", "m-16vcpu-128gb", "m-24vcpu-192gb", "m-32vcpu-256gb"],
];

const DISK_GIB: Readonly<Record<string, number>> = { "db-s-1vcpu-1gb": 10, "db-s-1vcpu-2gb": 30, "db-s-2vcpu-4gb": 60 };

const NODE_SIZES: readonly NodeSize[] = [
  ...BOTH.map((slug) => node(slug, ["pg", "valkey"])),
  ...POSTGRES.map((slug) => node(slug, ["pg"])),
  ...VALKEY.map((slug) => node(slug, ["valkey"])),
];

function node(slug: string, engines: readonly Engine[]): NodeSize {
  const [, vcpus, memoryGiB] = /-(\d+)vcpu-(\d+)gb/.exec(slug) ?? [];
  return {
    slug,
    vcpus: Number(vcpus),
    memoryGiB: Number(memoryGiB),
    engines,
    // Every node of 1 GB, and only those, is missing from the layouts of two and three nodes.
    standby: memoryGiB !== "1",
    diskGiB: DISK_GIB[slug],
  };
}

export function findNode(slug: string): NodeSize | undefined {
  return NODE_SIZES.find((size) => size.slug === slug);
}

const CONNECTIONS_PER_GIB = 25;
const MAX_CONNECTIONS = 1000;
const RESERVED_CONNECTIONS = 3;

/** Connections of a Postgres node that are left for clients: 22 with 1 GiB of memory, 997 with 40 GiB and more. */
export function usableConnections({ memoryGiB }: Pick<NodeSize, "memoryGiB">): number {
  return Math.min(CONNECTIONS_PER_GIB * memoryGiB, MAX_CONNECTIONS) - RESERVED_CONNECTIONS;
}

export function nodeSizes(engine: Engine, nodes = 1): NodeSize[] {
  return NODE_SIZES.filter((size) => size.engines.includes(engine) && (nodes === 1 || size.standby));
}

/** The size with the least memory; of equals the first, a shared-CPU node. */
export function smallestNode(engine: Engine, nodes: number, fits: (size: NodeSize) => boolean): NodeSize | undefined {
  return nodeSizes(engine, nodes)
    .filter(fits)
    .reduce<NodeSize | undefined>((best, size) => (best === undefined || size.memoryGiB < best.memoryGiB ? size : best), undefined);
}
