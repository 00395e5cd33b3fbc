import { snakeName } from "./names.ts";

/** Fields that the provider knows and never sends (terraform-provider-digitalocean v2.99.1). */
const UNSENT = ["frequentSnapshots", "valkeyActiveExpireEffort"];

/** `numberOfDatabases` is `valkey_number_of_databases`, and `valkeyMaxmemoryPolicy` has its prefix already. */
export function valkeyField(field: string): string | undefined {
  if (UNSENT.includes(field)) return undefined;
  const name = snakeName(field);
  return name.startsWith("valkey_") ? name : `valkey_${name}`;
}

/** Postgres' own names, but for two blocks that are lists of one. */
export function postgresField(field: string): string {
  return { pgbouncers: "pgbouncer", timescaledbs: "timescaledb" }[field] ?? snakeName(field);
}
