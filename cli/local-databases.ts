/** A system's databases and stores on the laptop's own platform, found as anybody would find them: by DigitalOcean's API. */
import { findProject } from "../engine/project.ts";
import { findDaemon } from "../local/platform/daemon/client.ts";
import { API_TOKEN } from "../local/platform/defaults.ts";
import { STACK, type Workspace, workspaceAt } from "../local/platform/workspace.ts";
import type { Connection } from "../postdeploy/connect/target.ts";
import type { System } from "../systems/definition.ts";

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
  /** To the server, as its admin, who may make a shadow database. */
  readonly admin: Connection;
}

/** @returns undefined where no platform runs, or none with this system. */
export async function localConnections({ postgres }: System, place: Workspace = placeHere()): Promise<LocalConnections | undefined> {
  const api = apiOf(place);
  if (api === undefined) return undefined;
  for (const cluster of await api.clusters()) {
    const { engine, db_names, users, connection } = cluster;
    const password = users?.find(({ name }) => name === postgres.roles.owner)?.password;
    if (engine !== "pg" || !db_names?.includes(postgres.database) || password === undefined) continue;
    const ca = await api.ca(cluster);
    return {
      owner: { url: url("postgres", { ...connection, user: postgres.roles.owner, password }, postgres.database), ca },
      admin: { url: url("postgres", connection, "defaultdb"), ca },
    };
  }
  return undefined;
}

/** By the name that the system's apps know each by; empty where no platform runs, or none with this system. */
export async function localStores({ apps }: System, place: Workspace = placeHere()): Promise<ReadonlyMap<string, Login>> {
  const api = apiOf(place);
  if (api === undefined) return new Map();
  const names = new Set(Object.values(apps).map(({ name }) => `${name}-${STACK}`));
  const { apps: deployed } = await api.ask<{ apps: readonly App[] | null }>("/v2/apps?per_page=200");
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

const placeHere = (): Workspace => workspaceAt(findProject(process.cwd()).root);

function apiOf(place: Workspace) {
  const line = findDaemon(place);
  if (line === undefined) return undefined;
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await fetch(new URL(path, line.api), { headers: { authorization: `Bearer ${API_TOKEN}` } });
    if (!answer.ok) throw new Error(`The local platform's API answers ${answer.status} to ${path}. See: slipway local status`);
    return (await answer.json()) as T;
  };
  return {
    ask,
    clusters: async () => (await ask<{ databases: readonly Cluster[] | null }>("/v2/databases?per_page=200")).databases ?? [],
    ca: async ({ id }: Cluster) => {
      const { ca } = await ask<{ ca: { certificate: string } }>(`/v2/databases/${id}/ca`);
      return Buffer.from(ca.certificate, "base64").toString("utf8");
    },
  };
}
