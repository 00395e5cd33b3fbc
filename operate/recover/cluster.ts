/** A cluster as DigitalOcean's API returns it, and the one that has the database of a system. */
import type { ApiClient } from "./api.ts";

export interface Cluster {
  readonly id: string;
  readonly name: string;
  readonly engine: string;
  readonly db_names?: readonly string[] | null;
  readonly users?: readonly { readonly name: string; readonly password?: string }[] | null;
  readonly created_at: string;
  /** Without a password where the token lacks the scope database:view_credentials. */
  readonly connection: { readonly host: string; readonly port: number; readonly user: string; readonly password: string };
}

export const listClusters = async (api: ApiClient): Promise<readonly Cluster[]> =>
  (await api.list("/v2/databases", "databases")) as unknown as readonly Cluster[];

/** @param owner Every system has an owner of its own, so a database of the same name that another application has is not taken for it. */
export async function findDatabaseCluster(
  api: ApiClient,
  { database, owner }: { readonly database: string; readonly owner: string },
): Promise<Cluster | undefined> {
  return (await listClusters(api)).find(
    ({ engine, db_names, users }) => engine === "pg" && db_names?.includes(database) && users?.some(({ name }) => name === owner),
  );
}

/** The certificate of a cluster's authority, PEM; "" where the API has none. */
export async function readAuthority(api: ApiClient, cluster: string): Promise<string> {
  const { ca } = ((await api.get(`/v2/databases/${cluster}/ca`)) ?? {}) as { ca?: { certificate?: string } };
  return Buffer.from(ca?.certificate ?? "", "base64").toString("utf8");
}
