/**
 * Type tokens and child names. Both are identity: a change here is a migration, and needs an alias that names the old one.
 */

import type { ComponentResourceOptions } from "@pulumi/pulumi";

export const PLATFORM = "slipway:index:Platform";
export const NETWORK = "slipway:index:Network";
export const FIREWALL = "slipway:index:Firewall";
export const POSTGRES = "slipway:index:Postgres";
export const VALKEY = "slipway:index:Valkey";
export const SECRETS = "slipway:index:Secrets";
export const APP = "slipway:index:App";
export const POST_DEPLOY = "slipway:index:PostDeploy";
export const MONITORING = "slipway:index:Monitoring";
export const BACKUPS = "slipway:index:Backups";

/** What a post-deploy step is in the state: a dynamic resource of this package's own kind. */
export const STEP = {
  Roles: "pulumi-nodejs:dynamic/slipway:Roles",
  Migrations: "pulumi-nodejs:dynamic/slipway:Migrations",
  Keyspaces: "pulumi-nodejs:dynamic/slipway:Keyspaces",
} as const;

/**
 * `orders-pool-api`: the component's name, what the child is, and which one where there are several. Keyed by what the child holds and never
 * by its place in a list, so that taking one out renames no other.
 */
export function child(component: string, kind: string, key?: string): string {
  return key === undefined ? `${component}-${kind}` : `${component}-${kind}-${key}`;
}

/** What a component was told to wait for, handed to the child that must do the waiting: Pulumi hands it to none by itself. */
export function after(opts: ComponentResourceOptions | undefined): Pick<ComponentResourceOptions, "dependsOn"> {
  return opts?.dependsOn === undefined ? {} : { dependsOn: opts.dependsOn };
}
