import { DATABASE_URL, POSTGRES_CA, storeVariable } from "../../catalog/connection-variables.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { StoreAddress } from "../../postdeploy/keyspaces/wire/target.ts";

export interface ConnectionFlags {
  readonly url?: string;
  readonly ca?: string;
}

/** @returns undefined where neither --url nor DATABASE_URL is given. */
export async function namedConnection({
  url = process.env[DATABASE_URL],
  ca = process.env.PGSSLROOTCERT,
}: ConnectionFlags): Promise<Connection | undefined> {
  if (url === undefined || url === "") return undefined;
  // App Platform mounts no files: there the certificate itself is in a variable.
  const certificate = process.env[POSTGRES_CA];
  if (ca === undefined || ca === "") return certificate ? { url, ca: certificate } : { url };
  const { readCa } = await import("./read-ca.ts");
  return { url, ca: readCa(ca) };
}

/** Those of the stores whose URL is in the environment. */
export function namedStores(names: readonly string[]): ReadonlyMap<string, StoreAddress> {
  const stores = new Map<string, StoreAddress>();
  for (const name of names) {
    const url = process.env[storeVariable(name, "URL")];
    const ca = process.env[storeVariable(name, "CA")];
    if (url) stores.set(name, { url, ...(ca && { ca }) });
  }
  return stores;
}
