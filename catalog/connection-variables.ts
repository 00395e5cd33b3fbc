/**
 * The environment variables that name a system's databases to slipway's own commands. The wiring gives them to the post-deploy job;
 * `slipway post-deploy` and `slipway keyspaces` read them.
 */

/** As most tools read it: the connection of one command. */
export const DATABASE_URL = "DATABASE_URL";
export const ADMIN_URL = "SLIPWAY_ADMIN_URL";
export const OWNER_URL = "SLIPWAY_OWNER_URL";
/** The Postgres cluster's CA certificate, PEM. */
export const POSTGRES_CA = "SLIPWAY_CA";

export function storeVariable(store: string, part: "URL" | "CA"): string {
  return `SLIPWAY_STORE_${store.toUpperCase().replaceAll("-", "_")}_${part}`;
}
