/** What the account has of a role: the cluster with its users and pools, and the apps that log in as one of the users. */
import type { Connection } from "../../postdeploy/connect/target.ts";
import { openWriter, type Writer } from "../fork/writer.ts";
import { type ApiClient, type ApiOptions, type Json, openApi } from "../recover/api.ts";
import { type DatabaseAddress, findDatabaseCluster, readAuthority } from "../recover/cluster.ts";
import { RotateError } from "./error.ts";

export interface AccountCluster {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly admin: { readonly user: string; readonly password: string };
  /** YYYY-MM-DD */
  readonly createdAt: string;
}

export interface AccountPool {
  readonly name: string;
  /** "" admits every user. */
  readonly user: string;
  readonly size: number;
  readonly mode: string;
  readonly database: string;
  readonly host: string;
  readonly port: number;
}

/** An app whose spec logs in as one of the users. */
export interface AccountApp {
  readonly name: string;
  /** The users in the spec, and in the deployment that serves requests. */
  readonly specified: readonly string[];
  readonly active: readonly string[];
  /** "PENDING_BUILD", "DEPLOYING", … of a deployment that has not ended. */
  readonly deploying: string | undefined;
}

/** A secret variable of a component, as ciphertext: the API never returns the value. */
export interface AppVariable {
  readonly app: string;
  readonly component: string;
  readonly name: string;
  /** In the spec, and in the deployment that serves requests. */
  readonly specified: string;
  readonly active: string | undefined;
}

export interface AccountKey {
  readonly name: string;
  /** Which it opens. */
  readonly buckets: readonly string[];
}

export interface RoleAccount {
  /** @returns undefined where no cluster has that database and that user */
  findCluster(address: DatabaseAddress): Promise<AccountCluster | undefined>;
  /** @returns undefined where there is no such user */
  readPassword(cluster: AccountCluster, user: string): Promise<string | undefined>;
  /** Replaces the password. @returns the new one */
  resetPassword(cluster: AccountCluster, user: string, before: string): Promise<string>;
  listPools(cluster: AccountCluster, database: string): Promise<readonly AccountPool[]>;
  /** Lets a pool admit every user of the database, without replacing it. */
  openPool(cluster: AccountCluster, pool: AccountPool): Promise<void>;
  listApps(cluster: AccountCluster, users: readonly string[]): Promise<readonly AccountApp[]>;
  /** Of these apps. */
  listSecretVariables(apps: readonly string[]): Promise<readonly AppVariable[]>;
  /** The keys of Spaces. */
  listKeys(): Promise<readonly AccountKey[]>;
}

/** How often a request whose reply was lost is sent. */
const ATTEMPTS = 5;

export function openAccount(options: ApiOptions): RoleAccount {
  const api = openApi(options);
  const writer = openWriter(options);
  const usersOf = ({ id }: AccountCluster) => `/v2/databases/${id}/users`;

  async function readPassword(cluster: AccountCluster, user: string): Promise<string | undefined> {
    const reply = await api.get(`${usersOf(cluster)}/${encodeURIComponent(user)}`);
    if (reply === undefined) return undefined;
    const { password } = (reply.user ?? {}) as { password?: unknown };
    if (typeof password === "string" && password !== "") return password;
    throw new RotateError(
      `The account does not show the password of ${user}: the token lacks the scope database:view_credentials, without which a rotation cannot prove that the old password is refused.`,
    );
  }

  return {
    findCluster: (address) => findCluster(api, address),
    readPassword,

    async resetPassword(cluster, user, before) {
      for (let attempt = 1; ; attempt++) {
        const outcome = await writer.send("POST", `${usersOf(cluster)}/${encodeURIComponent(user)}/reset_auth`, {});
        if (outcome.kind === "refused")
          throw new RotateError(
            `DigitalOcean refused to replace the password of ${user} (${outcome.status}${outcome.message === "" ? "" : `: ${outcome.message}`}). Nothing uses it. Run the same command again.`,
          );
        // The reply may be lost although the password was replaced.
        const after = await readPassword(cluster, user);
        if (after !== undefined && after !== before) return after;
        if (attempt === ATTEMPTS)
          throw new RotateError(`The account still has the old password of ${user} after ${attempt} requests. Run the same command again.`);
      }
    },

    listPools: (cluster, database) => listPools(api, cluster, database),
    openPool: (cluster, pool) => openPool(writer, cluster, pool),
    listApps: (cluster, users) => listApps(api, cluster, users),
    listSecretVariables: (apps) => listSecretVariables(api, apps),
    listKeys: async () =>
      (await api.list("/v2/spaces/keys", "keys")).map(({ name, grants }) => ({
        name: String(name),
        buckets: ((grants ?? []) as readonly { readonly bucket?: string }[]).flatMap(({ bucket }) => bucket ?? []),
      })),
  };
}

async function findCluster(api: ApiClient, address: DatabaseAddress): Promise<AccountCluster | undefined> {
  const cluster = await findDatabaseCluster(api, address);
  if (cluster === undefined) return undefined;
  const { id, name, created_at: createdAt } = cluster;
  const { host, port, user, password } = cluster.connection;
  if (!password)
    throw new RotateError("The account does not show the administrator's password: the token lacks the scope database:view_credentials.");
  return { ...{ id, name, host, port }, ca: await readAuthority(api, id), admin: { user, password }, createdAt: createdAt.slice(0, 10) };
}

async function listPools(api: ApiClient, { id }: AccountCluster, database: string): Promise<readonly AccountPool[]> {
  const pools = await api.list(`/v2/databases/${id}/pools`, "pools");
  return pools
    .map((pool) => {
      const { name, user, size, mode, db, connection } = pool as Readonly<Record<string, unknown>>;
      const { host, port } = (connection ?? {}) as { host: string; port: number };
      return { name: String(name), user: String(user ?? ""), size: Number(size), mode: String(mode), database: String(db), host, port };
    })
    .filter((pool) => pool.database === database);
}

async function openPool(writer: Writer, { id }: AccountCluster, { name, size, mode, database }: AccountPool): Promise<void> {
  const path = `/v2/databases/${id}/pools/${encodeURIComponent(name)}`;
  const outcome = await writer.send("PUT", path, { size, mode, db: database, user: "" });
  if (outcome.kind === "done") return;
  const reason = outcome.kind === "refused" ? `${outcome.status} ${outcome.message}`.trim() : outcome.reason;
  throw new RotateError(
    `Pool ${name} could not be changed to admit both users (${reason}). Nothing else was changed. Run the same command again.`,
  );
}

async function listApps(api: ApiClient, cluster: AccountCluster, users: readonly string[]): Promise<readonly AccountApp[]> {
  const loginsOf = (spec: unknown): readonly string[] => {
    const { databases } = (spec ?? {}) as { databases?: readonly Json[] | null };
    const logins = (databases ?? [])
      .filter(({ cluster_name: name }) => name === cluster.name)
      .map(({ db_user: user }) => user)
      .filter((user): user is string => typeof user === "string" && users.includes(user));
    return [...new Set(logins)];
  };
  const apps = await api.list("/v2/apps", "apps");
  return apps
    .map((app) => {
      const { spec, active_deployment: active, in_progress_deployment: running, pending_deployment: pending } = app as Record<string, Json>;
      const deploying = running ?? pending;
      return {
        name: String(spec?.name),
        specified: loginsOf(spec),
        active: loginsOf(active?.spec),
        deploying: deploying === undefined ? undefined : String(deploying.phase ?? "in progress"),
      };
    })
    .filter(({ specified, active }) => specified.length + active.length > 0);
}

async function listSecretVariables(api: ApiClient, apps: readonly string[]): Promise<readonly AppVariable[]> {
  const deployed = await api.list("/v2/apps", "apps");
  return deployed.flatMap(({ spec, active_deployment: active }) => {
    const app = String((spec as Json).name);
    if (!apps.includes(app)) return [];
    const running = new Map(
      secretsIn((active as Json | undefined)?.spec).map(({ component, name, value }) => [`${component} ${name}`, value]),
    );
    return secretsIn(spec).map(({ component, name, value }) => ({
      ...{ app, component, name },
      specified: value,
      active: running.get(`${component} ${name}`),
    }));
  });
}

function secretsIn(spec: unknown): readonly { readonly component: string; readonly name: string; readonly value: string }[] {
  return COMPONENTS.flatMap((kind) => ((spec as Json | undefined)?.[kind] ?? []) as readonly Json[]).flatMap(({ name: component, envs }) =>
    ((envs ?? []) as readonly Json[])
      .filter(({ type }) => type === "SECRET")
      .map(({ key, value }) => ({ component: String(component), name: String(key), value: String(value) })),
  );
}

const COMPONENTS = ["services", "workers", "jobs", "static_sites", "functions"] as const;

/** @param port of a pool @default the cluster's */
export function connectionOf(
  { host, port, ca }: Pick<AccountCluster, "host" | "port" | "ca">,
  { user, password }: { readonly user: string; readonly password: string },
  database: string,
): Connection {
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return { url: `postgresql://${login}@${host}:${port}/${encodeURIComponent(database)}`, ca };
}
