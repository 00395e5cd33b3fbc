/**
 * Limits that DigitalOcean enforces when a resource is created, so that a plan can check them before.
 *
 * Source: github.com/digitalocean/openapi, commit 7c1300c (2026-08-07): names of apps, components and pools, number of Valkey databases, blocks of
 * private networks, storage autoscaling. Managed database limits page of the documentation: 100 trusted sources, no IPv6, three nodes.
 * Identifiers: PostgreSQL's NAMEDATALEN. Buckets: S3's rule. Cluster names: none is published; a name becomes a label of the host name.
 */

export interface NameRule {
  readonly pattern: RegExp;
  /** As messages describe it. */
  readonly description: string;
}

const LABEL = "lower-case letters, digits and dashes, a letter first, no dash last";

export const NAMES = {
  app: { pattern: /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/, description: `2 to 32 characters: ${LABEL}` },
  component: { pattern: /^[a-z][a-z0-9-]{0,30}[a-z0-9]$/, description: `2 to 32 characters: ${LABEL}` },
  cluster: { pattern: /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/, description: `3 to 63 characters: ${LABEL}` },
  database: {
    pattern: /^[a-z_][a-z0-9_]{0,62}$/,
    description: "1 to 63 characters: lower-case letters, digits and underscores, no digit first",
  },
  pool: {
    pattern: /^[a-z][a-z0-9_-]{1,58}[a-z0-9]$/,
    description: "3 to 60 characters: lower-case letters, digits, dashes and underscores, a letter first",
  },
  bucket: { pattern: /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, description: "3 to 63 characters: lower-case letters, digits and dashes" },
} as const satisfies Readonly<Record<string, NameRule>>;

/** Rules in one cluster's list of trusted sources. */
export const MOST_SOURCES = 100;

/**
 * How far back a cluster of Postgres can be forked. Source: docs.digitalocean.com/products/databases/postgresql/details/limits, "Point-in-time-recovery
 * (PITR) is limited to the last 7 days" (2026-05).
 */
export const FORK_DAYS = 7;

/** The primary and up to two standby nodes. */
export const MOST_NODES = 3;

export const VALKEY_DATABASES = { least: 1, most: 128 } as const;

/** Lengths of a private network's block: RFC 1918, not larger than the first, not smaller than the second. */
export const NETWORK_PREFIX = { widest: 16, narrowest: 28 } as const;

/** Disks grow in steps of this many GiB. */
export const DISK_STEP_GIB = 10;

export const AUTOSCALE = { threshold: { least: 15, most: 95 }, incrementGiB: { least: 10, most: 500 } } as const;
