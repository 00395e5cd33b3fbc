import { DATABASE_URL, POSTGRES_CA } from "../../catalog/connection-variables.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";

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
