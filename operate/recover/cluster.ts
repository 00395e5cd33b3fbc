/** A cluster as DigitalOcean's API returns it, and the one that has the database of a system. */
import type { ApiClient } from "./api.ts";
import { RecoverError } from "./error.ts";

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

/** Of every cluster. */
export const listDatabases = async (api: ApiClient): Promise<readonly string[]> =>
  (await listClusters(api)).flatMap(({ db_names: names }) => names ?? []);

/** Which database of the account a stack uses for a system. */
export interface DatabaseAddress {
  readonly database: string;
  /** Every system has an owner of its own, so a database of the same name that another application has is not taken for it. */
  readonly owner: string;
  /** The names of the apps that the stack has for the system. */
  readonly apps: readonly string[];
}

export interface DeployedSystem {
  readonly postgres: { readonly database: string; readonly roles: { readonly owner: string } };
  readonly apps: Readonly<Record<string, { readonly name: string }>>;
}

/** @param suffix of the stack: "-staging" */
export const databaseAddress = ({ postgres: { database, roles }, apps }: DeployedSystem, suffix: string): DatabaseAddress => ({
  ...{ database, owner: roles.owner },
  apps: Object.values(apps).map(({ name }) => `${name}${suffix}`),
});

/**
 * Several clusters can have the database: those of two stacks, a fork, and the cluster that a system has left. The one that the stack's apps are wired to
 * is used; before an app exists, the only one that no other app is wired to.
 */
export async function findDatabaseCluster(api: ApiClient, { database, owner, apps }: DatabaseAddress): Promise<Cluster | undefined> {
  const candidates = (await listClusters(api)).filter(
    ({ engine, db_names, users }) => engine === "pg" && db_names?.includes(database) && users?.some(({ name }) => name === owner),
  );
  if (candidates.length === 0) return undefined;
  const wired = await listWired(api);
  const own = candidates.filter(({ name }) => wired.some((one) => one.cluster === name && apps.includes(one.app)));
  const chosen = own.length > 0 ? own : candidates.filter(({ name }) => !wired.some(({ cluster }) => cluster === name));
  if (chosen.length > 1)
    throw new RecoverError(
      `Database "${database}" is on several clusters: ${chosen.map(({ name }) => name).join(", ")}. No app is wired to exactly one of them, so it is not known which one the stack uses. Deploy the stack, or delete the others.`,
    );
  return chosen[0];
}

interface Wired {
  readonly app: string;
  readonly cluster: string;
}

async function listWired(api: ApiClient): Promise<readonly Wired[]> {
  const deployed = (await api.list("/v2/apps", "apps")) as unknown as readonly {
    readonly spec: { readonly name: string; readonly databases?: readonly { readonly cluster_name?: string }[] | null };
  }[];
  return deployed.flatMap(({ spec: { name: app, databases } }) =>
    (databases ?? []).flatMap(({ cluster_name: cluster }) => (cluster === undefined ? [] : [{ app, cluster }])),
  );
}

/** The certificate of a cluster's authority, PEM; "" where the API has none. */
export async function readAuthority(api: ApiClient, cluster: string): Promise<string> {
  const { ca } = ((await api.get(`/v2/databases/${cluster}/ca`)) ?? {}) as { ca?: { certificate?: string } };
  return Buffer.from(ca?.certificate ?? "", "base64").toString("utf8");
}
