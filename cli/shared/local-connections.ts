/** A system's databases and stores, read from the DigitalOcean API of the local platform or of a stack's account. */
import { findProject } from "../../engine/project.ts";
import { findDaemon } from "../../local/platform/daemon/client.ts";
import { API_TOKEN } from "../../local/platform/defaults.ts";
import { STACK, type Workspace, workspaceAt } from "../../local/platform/workspace.ts";
import { openWriter, type Writer } from "../../operate/fork/writer.ts";
import { type ApiClient, type ApiOptions, openApi } from "../../operate/recover/api.ts";
import { type Cluster, databaseAddress, findDatabaseCluster, listClusters, readAuthority } from "../../operate/recover/cluster.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import type { System } from "../../systems/definition.ts";

interface App {
  readonly spec: {
    readonly name: string;
    readonly databases?: readonly { readonly name: string; readonly engine: string; readonly cluster_name?: string }[];
  };
}

interface Login {
  readonly url: string;
  readonly ca: string;
  /** The id of its cluster. */
  readonly cluster: string;
}

export interface LocalConnections {
  /** To the system's database, as the role that owns what is in it. */
  readonly owner: Connection;
  /** To the server, as its admin, who may create a shadow database. */
  readonly admin: Connection;
  /** To the system's database, as the role that reads everything and changes nothing. */
  readonly backup: Connection;
  /** The id of the cluster. */
  readonly cluster: string;
  /** The day on which the cluster was created: YYYY-MM-DD. */
  readonly createdAt: string;
}

/** A trusted source of a cluster. */
export interface Source {
  readonly uuid?: string;
  readonly type: string;
  readonly value: string;
}

/** A DigitalOcean account with deployed systems. */
export interface Account {
  /** For messages: "The local platform". */
  readonly name: string;
  readonly api: ApiClient;
  /** Sends what changes the account. */
  readonly writer: Writer;
  /** What the names of its apps end with: "-staging". */
  readonly suffix: string;
  /** @returns undefined where the account does not have the database of this system. */
  databases(system: System): Promise<LocalConnections | undefined>;
  /** By the store's name in the system's apps; empty where the account does not have them. */
  stores(system: System): Promise<ReadonlyMap<string, Login>>;
  /** The trusted sources of a cluster. */
  sources(cluster: string): Promise<readonly Source[]>;
}

/** @returns undefined where no local platform is running, or it does not have this system. */
export async function localConnections(system: System, workspace: Workspace = currentWorkspace()): Promise<LocalConnections | undefined> {
  return await localAccount(workspace)?.databases(system);
}

/** By the store's name in the system's apps; empty where no local platform is running, or it does not have this system. */
export async function localStores(system: System, workspace: Workspace = currentWorkspace()): Promise<ReadonlyMap<string, Login>> {
  return (await localAccount(workspace)?.stores(system)) ?? new Map();
}

/** @returns undefined where no local platform is running. */
export function localAccount(workspace: Workspace = currentWorkspace()): Account | undefined {
  const daemon = findDaemon(workspace);
  if (daemon === undefined) return undefined;
  return accountAt("The local platform", `-${STACK}`, { endpoint: daemon.api, token: API_TOKEN });
}

/** The account of a stack, over its API. The token must have the scope database:view_credentials. */
export async function stackAccount(stack: string): Promise<Account> {
  const [{ readStack }, { endpointOf, openProjectCli, readToken }, { suffixOf }] = await Promise.all([
    import("../../engine/stackfile.ts"),
    import("./stack-account.ts"),
    import("../../settings/defaults.ts"),
  ]);
  const project = findProject(process.cwd());
  const config = readStack(project, stack);
  const target = { stack, flags: `-s ${stack}` };
  const access = { endpoint: endpointOf(config, target), token: await readToken(config, openProjectCli(project, target), target) };
  const environment = config.config["slipway:environment"] as Parameters<typeof suffixOf>[0];
  return accountAt(`The account of stack ${stack}`, suffixOf(environment, config.stack), access);
}

function accountAt(name: string, suffix: string, access: ApiOptions): Account {
  const api = openApi(access);
  return {
    name,
    api,
    writer: openWriter(access),
    suffix,
    async databases(system) {
      const { database, roles } = system.postgres;
      const cluster = await findDatabaseCluster(api, databaseAddress(system, suffix));
      if (cluster === undefined) return undefined;
      const { id, connection, users, created_at } = cluster;
      const ca = await readAuthority(api, id);
      const as = (user: string) => {
        const password = users?.find(({ name }) => name === user)?.password ?? "";
        return { url: url("postgres", { ...connection, user, password }, database), ca };
      };
      return {
        owner: as(roles.owner),
        backup: as(roles.backup),
        admin: { url: url("postgres", connection, "defaultdb"), ca },
        cluster: id,
        createdAt: created_at.slice(0, 10),
      };
    },
    async stores({ apps }) {
      const names = new Set(Object.values(apps).map((app) => `${app.name}${suffix}`));
      const deployed = (await api.list("/v2/apps", "apps")) as unknown as readonly App[];
      const wired = deployed.filter(({ spec }) => names.has(spec.name)).flatMap(({ spec }) => spec.databases ?? []);
      const all = await listClusters(api);
      const stores = new Map<string, Login>();
      for (const { name: store, cluster_name } of wired) {
        const cluster = all.find((one) => one.engine === "valkey" && one.name === cluster_name);
        if (cluster !== undefined)
          stores.set(store, { url: url("rediss", cluster.connection, "0"), ca: await readAuthority(api, cluster.id), cluster: cluster.id });
      }
      return stores;
    },
    async sources(cluster) {
      return ((await api.get(`/v2/databases/${cluster}/firewall`)) as { rules?: readonly Source[] | null })?.rules ?? [];
    },
  };
}

function url(scheme: string, { user, password, host, port }: Cluster["connection"], database: string): string {
  return `${scheme}://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
}

const currentWorkspace = (): Workspace => workspaceAt(findProject(process.cwd()).root);
