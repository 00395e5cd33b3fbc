/** A system's databases and stores on the local platform, read from its DigitalOcean API. */
import { findProject } from "../../engine/project.ts";
import { findDaemon } from "../../local/platform/daemon/client.ts";
import { API_TOKEN } from "../../local/platform/defaults.ts";
import { STACK, type Workspace, workspaceAt } from "../../local/platform/workspace.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { System } from "../../systems/definition.ts";

interface Cluster {
  readonly id: string;
  readonly name: string;
  readonly engine: string;
  readonly db_names: readonly string[] | null;
  readonly users: readonly { readonly name: string; readonly password?: string }[] | null;
  readonly connection: { readonly host: string; readonly port: number; readonly user: string; readonly password: string };
}

interface App {
  readonly spec: {
    readonly name: string;
    readonly databases?: readonly { readonly name: string; readonly engine: string; readonly cluster_name?: string }[];
  };
}

interface Login {
  readonly url: string;
  readonly ca: string;
}

export interface LocalConnections {
  /** To the system's database, as the role that owns what is in it. */
  readonly owner: Connection;
  /** To the server, as its admin, who may create a shadow database. */
  readonly admin: Connection;
  /** To the system's database, as the role that reads everything and changes nothing. */
  readonly backup: Connection;
}

/** @returns undefined where no local platform is running, or it does not have this system. */
export async function localConnections(
  { postgres }: System,
  workspace: Workspace = currentWorkspace(),
): Promise<LocalConnections | undefined> {
  const api = openApi(workspace);
  if (api === undefined) return undefined;
  for (const cluster of await api.clusters()) {
    const { engine, db_names, users, connection } = cluster;
    if (engine !== "pg" || !db_names?.includes(postgres.database) || !users?.some(({ name }) => name === postgres.roles.owner)) continue;
    const ca = await api.ca(cluster);
    const as = (user: string) => {
      const password = users.find(({ name }) => name === user)?.password ?? "";
      return { url: url("postgres", { ...connection, user, password }, postgres.database), ca };
    };
    return {
      owner: as(postgres.roles.owner),
      backup: as(postgres.roles.backup),
      admin: { url: url("postgres", connection, "defaultdb"), ca },
    };
  }
  return undefined;
}

/** By the store's name in the system's apps; empty where no local platform is running, or it does not have this system. */
export async function localStores({ apps }: System, workspace: Workspace = currentWorkspace()): Promise<ReadonlyMap<string, Login>> {
  const api = openApi(workspace);
  if (api === undefined) return new Map();
  const names = new Set(Object.values(apps).map(({ name }) => `${name}-${STACK}`));
  const { apps: deployed } = await api.get<{ apps: readonly App[] | null }>("/v2/apps?per_page=200");
  const wired = (deployed ?? []).filter(({ spec }) => names.has(spec.name)).flatMap(({ spec }) => spec.databases ?? []);
  const clusters = await api.clusters();
  const stores = new Map<string, Login>();
  for (const { name, cluster_name } of wired) {
    const cluster = clusters.find((one) => one.engine === "valkey" && one.name === cluster_name);
    if (cluster !== undefined) stores.set(name, { url: url("rediss", cluster.connection, "0"), ca: await api.ca(cluster) });
  }
  return stores;
}

function url(scheme: string, { user, password, host, port }: Cluster["connection"], database: string): string {
  return `${scheme}://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
}

const currentWorkspace = (): Workspace => workspaceAt(findProject(process.cwd()).root);

function openApi(workspace: Workspace) {
  const daemon = findDaemon(workspace);
  if (daemon === undefined) return undefined;
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(new URL(path, daemon.api), { headers: { authorization: `Bearer ${API_TOKEN}` } });
    if (!response.ok) throw new Error(`The local platform's API responded with ${response.status} to ${path}. See: slipway local status`);
    return (await response.json()) as T;
  };
  return {
    get,
    clusters: async () => (await get<{ databases: readonly Cluster[] | null }>("/v2/databases?per_page=200")).databases ?? [],
    ca: async ({ id }: Cluster) => {
      const { ca } = await get<{ ca: { certificate: string } }>(`/v2/databases/${id}/ca`);
      return Buffer.from(ca.certificate, "base64").toString("utf8");
    },
  };
}
