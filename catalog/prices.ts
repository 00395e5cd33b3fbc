/**
 * List prices in US dollars a month. A price that no public text states is missing here, and shown as unpriced, never as free.
 */
import type { Engine } from "./regions.ts";

export interface PriceSource {
  readonly about: string;
  /** Where it is written. */
  readonly from: string;
  /** When it was true, YYYY-MM-DD. */
  readonly asOf: string;
}

export const PRICE_SOURCES = {
  instances: {
    about: "App Platform instance sizes",
    from: "github.com/digitalocean/openapi, commit 7c1300c: the example of GET /v2/apps/tiers/instance_sizes, usd_per_month",
    asOf: "2026-08-07",
  },
  databases: {
    about: "managed database nodes and their extra storage",
    from: "digitalocean.com/pricing/managed-databases as third parties quote it; no API returns these prices, so check them there before you rely on them",
    asOf: "2026-08-09",
  },
  uptime: {
    about: "uptime checks; their alerts cost nothing",
    from: "docs.digitalocean.com/products/uptime/details",
    asOf: "2026-03-27",
  },
} as const satisfies Record<string, PriceSource>;

export type PriceList = keyof typeof PRICE_SOURCES;

/** Of one instance. A job is paid by the second while it runs. */
const INSTANCES: Readonly<Record<string, number>> = {
  "apps-s-1vcpu-0.5gb": 5,
  "apps-s-1vcpu-1gb-fixed": 10,
  "apps-s-1vcpu-1gb": 12,
  "apps-s-1vcpu-2gb": 25,
  "apps-s-2vcpu-4gb": 50,
  "apps-d-1vcpu-0.5gb": 29,
  "apps-d-1vcpu-1gb": 34,
  "apps-d-1vcpu-2gb": 39,
  "apps-d-1vcpu-4gb": 49,
  "apps-d-2vcpu-4gb": 78,
  "apps-d-2vcpu-8gb": 98,
  "apps-d-4vcpu-8gb": 156,
  "apps-d-4vcpu-16gb": 196,
  "apps-d-8vcpu-32gb": 392,
};

/** Of one node; a standby costs what its primary does. The same slug has a price per engine. */
const NODES: Readonly<Record<Engine, Readonly<Record<string, number>>>> = {
  pg: {
    "db-s-1vcpu-1gb": 15.15,
    "db-s-1vcpu-2gb": 30.45,
    "db-s-2vcpu-4gb": 60.9,
    "db-s-4vcpu-8gb": 122.1,
    "db-s-6vcpu-16gb": 244.35,
  },
  valkey: { "db-s-1vcpu-1gb": 15, "db-s-1vcpu-2gb": 30 },
};

/** A GiB above the disk that comes with a node. */
export const EXTRA_STORAGE_GIB = 0.215;

export const UPTIME_CHECK = 1;

export function instancePrice(slug: string): number | undefined {
  return Object.hasOwn(INSTANCES, slug) ? INSTANCES[slug] : undefined;
}

export function nodePrice(engine: string, slug: string): number | undefined {
  const nodes = Object.hasOwn(NODES, engine) ? NODES[engine as Engine] : {};
  return Object.hasOwn(nodes, slug) ? nodes[slug] : undefined;
}
