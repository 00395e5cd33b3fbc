/** Type tokens and child names, which are identity: a change here is a migration and needs an alias for the old name. And the names of secrets. */

import type { ComponentResourceOptions } from "@pulumi/pulumi";
import type { UserSlot } from "../catalog/alternate-user.ts";

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
export const BUCKET = "slipway:index:Bucket";
export const GUARD = "slipway:index:Guard";

/** How the platform's outputs, the audit and the preview name a secret. */
export const SECRET_NAME = {
  own: (system: string, secret: string) => `${system}.${secret}`,
  /** @param slot "b" is the second user of a role that was rotated. */
  role: (system: string, kind: string, slot: UserSlot = "a") => `${system}.postgres.${kind}${slot === "a" ? "" : `.${slot}`}`,
  pool: (system: string, pool: string) => `${system}.postgres.pool.${pool}`,
  admin: (cluster: string) => `${cluster}-postgres.doadmin`,
  store: (cluster: string) => `${cluster}-valkey`,
  backups: (place: "primary" | "offsite") => `backups.${place}`,
  signingKey: "backups.signingKey",
  bucket: (system: string, bucket: string) => `${system}.bucket.${bucket}`,
} as const;

/**
 * `orders-pool-api`: the component's name, the kind of child, and a key if there are several. The key is what the child holds, not its place in a list,
 * so that removing one child renames no other.
 */
export function child(component: string, kind: string, key?: string): string {
  return key === undefined ? `${component}-${kind}` : `${component}-${kind}-${key}`;
}

/** The component's `dependsOn`, for the child that must wait: Pulumi does not pass it on. */
export function after(opts: ComponentResourceOptions | undefined): Pick<ComponentResourceOptions, "dependsOn"> {
  return opts?.dependsOn === undefined ? {} : { dependsOn: opts.dependsOn };
}
