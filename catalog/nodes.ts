/**
 * Managed database nodes: what each is made of, which engine takes it, whether standby nodes may stand behind it.
 *
 * Source: github.com/digitalocean/openapi, commit 7c1300c (2026-08-07), the example of GET /v2/databases/options; connections: its description
 * of a connection pool's size. Disks: DigitalOcean prints a range per plan on its pricing page only, so what stands here are the sizes that
 * terraform-provider-digitalocean v2.99.1 (acceptance tests) and the OpenAPI's examples prove, and nothing for the others.
 */
import type { Engine } from "./regions.ts";

export interface NodeSize {
  readonly slug: string;
  readonly vcpus: number;
  readonly memoryGiB: number;
  readonly engines: readonly Engine[];
  /** Whether the layouts of two and three nodes take it. */
  readonly standby: boolean;
  /** The disk it comes with, which is also its smallest; absent where nothing public proves it. */
  readonly diskGiB?: number;
}

/** A slug says what the node is made of, so the tables need no columns. Smallest first: the first that fits is the one to propose. */
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
  const [, vcpus, memoryGiB] = /-(\d+)vcpu-(\d+)gb$/.exec(slug) ?? [];
  const diskGiB = DISK_GIB[slug];
  return {
    slug,
    vcpus: Number(vcpus),
    memoryGiB: Number(memoryGiB),
    engines,
    // Every node of 1 GB, and only those, is missing from the layouts of two and three nodes.
    standby: memoryGiB !== "1",
    ...(diskGiB === undefined ? {} : { diskGiB }),
  };
}

export function findNode(slug: string): NodeSize | undefined {
  return NODE_SIZES.find((size) => size.slug === slug);
}

/** Postgres keeps three of its connections for maintenance. */
export function usableConnections({ memoryGiB }: NodeSize): number {
  return 25 * memoryGiB - 3;
}

export function nodeSizes(engine: Engine, nodes = 1): NodeSize[] {
  return NODE_SIZES.filter((size) => size.engines.includes(engine) && (nodes === 1 || size.standby));
}

/** The least memory that will do; of equals the plain shared-CPU node. */
export function smallestNode(engine: Engine, nodes: number, fits: (size: NodeSize) => boolean): NodeSize | undefined {
  return nodeSizes(engine, nodes)
    .filter(fits)
    .reduce<NodeSize | undefined>((best, size) => (best === undefined || size.memoryGiB < best.memoryGiB ? size : best), undefined);
}
