/** Defaults of each environment. */
import { regionNumber } from "../catalog/regions.ts";
import type { Environment } from "./settings.ts";

export interface Defaults {
  readonly protect: boolean;
  readonly allowedSources: readonly string[];
  readonly postgres: {
    readonly layout: "shared" | "dedicated";
    readonly size: string;
    readonly nodes: number;
    readonly autoscale: boolean;
  };
  readonly valkey: {
    readonly layout: "split" | "single";
    readonly state: { readonly size: string; readonly nodes: number };
    readonly cache: { readonly size: string; readonly nodes: number };
  };
  readonly backups: boolean;
  /** Whether the apps get the domains that their definitions name. */
  readonly domains: boolean;
}

const ONE_GIB = { size: "db-s-1vcpu-1gb", nodes: 1 };

export const DEFAULTS: Readonly<Record<Environment, Defaults>> = {
  /** One failed machine, one typing error or one eviction loses no data. */
  prod: {
    protect: true,
    allowedSources: [],
    postgres: { layout: "dedicated", size: "db-s-2vcpu-4gb", nodes: 2, autoscale: true },
    valkey: { layout: "split", state: { size: "db-s-1vcpu-2gb", nodes: 2 }, cache: ONE_GIB },
    backups: true,
    domains: true,
  },
  staging: {
    protect: false,
    allowedSources: [],
    postgres: { layout: "shared", size: "db-s-2vcpu-4gb", nodes: 1, autoscale: false },
    valkey: { layout: "single", state: ONE_GIB, cache: ONE_GIB },
    backups: true,
    domains: false,
  },
  /** A laptop: its clusters are on loopback, and it has no account for buckets. */
  local: {
    protect: false,
    allowedSources: ["127.0.0.1"],
    postgres: { layout: "shared", size: "db-s-1vcpu-2gb", nodes: 1, autoscale: false },
    valkey: { layout: "single", state: ONE_GIB, cache: ONE_GIB },
    backups: false,
    domains: false,
  },
};

export const REGION = "nyc1";

/** After the backups. */
export const MAINTENANCE = { day: "sunday", hour: "04:00" } as const;

/** Both numbers, because the provider sends 0 for a missing one. */
export const AUTOSCALE = { thresholdPercent: 80, incrementGiB: 10 } as const;

/** Valkey's default. Changing it restarts the server, so it is raised only where a keyspace needs more. */
export const VALKEY_DATABASES = 16;

const FIRST_OCTET: Readonly<Record<Environment, number>> = { prod: 100, staging: 120, local: 140 };

/** A separate block for each environment and region, because networks of one account must not overlap. */
export function networkBlock(environment: Environment, region: string): string {
  return `10.${FIRST_OCTET[environment] + regionNumber(region)}.0.0/20`;
}

/** Appended to account-wide names; empty for the stack prod of the environment prod. */
export function suffixOf(environment: Environment, stack: string): string {
  return environment === "prod" && stack === "prod"
    ? ""
    : `-${stack
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/-$/, "")}`;
}
