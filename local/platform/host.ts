/** Runs the local platform in this process: the cloud, its servers and apps, and the DigitalOcean API. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CloudProvider } from "../../engine/cloud-provider.ts";
import { type Api, startApi } from "../api/server.ts";
import { type AppBacking, type AppStatus, openApps } from "../apps/apps.ts";
import { resolveLaptopEnv } from "../apps/laptop-env.ts";
import { findAppNamed, resolveComponentEnv } from "../cloud/apps/app.ts";
import { resumeApps } from "../cloud/apps/deployment-run.ts";
import { componentsOf } from "../cloud/apps/spec.ts";
import type { Timings } from "../cloud/core/time.ts";
import { resumeClusters } from "../cloud/databases/cluster-start.ts";
import { type Cloud, openCloud } from "../cloud/open-cloud.ts";
import { localCloudProvider } from "../program/provider.ts";
import { openServers } from "../servers/backing.ts";
import { openAuthority } from "../servers/certificates.ts";
import { authorityFolder } from "../servers/context.ts";
import type { Report } from "../servers/server.ts";
import { listServerStatus } from "../servers/status.ts";
import { findDatabaseTargets } from "./database-targets.ts";
import { API_TOKEN, SPACES_KEY } from "./defaults.ts";
import { findFreePort, type PortChoice } from "./ports.ts";
import { preferredPort } from "./stack-endpoint.ts";
import type { AppLine, ComponentLine, PlatformStatus } from "./status.ts";
import type { Workspace } from "./workspace.ts";

export interface Host {
  readonly cloud: Cloud;
  readonly provider: CloudProvider;
  readonly api: Api;
  readonly calls: readonly ApiCall[];
  /** Why the API does not listen on the port in stack local; absent if it does. */
  readonly apiMoved: string | undefined;
  /** The same for servers and apps. */
  readonly moves: readonly string[];
  status(): Promise<Omit<PlatformStatus, "daemon">>;
  /** Restarts servers that have exited, and the apps that depend on their ports. */
  restartStopped(): Promise<void>;
  /** The environment variables of a component; undefined if the app does not exist. */
  env(app: string, component: string): { env: Record<string, string>; components: string[] } | undefined;
  /** @param servers Whether the servers stop too. If not, the next host uses them. */
  close(servers: boolean): Promise<void>;
}

export interface ApiCall {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  /** The API has no such route: either the client is wrong, or the API does not implement it. */
  readonly unknown: boolean;
}

const MAX_CALLS = 200;

export interface HostOptions {
  readonly log: (line: string) => void;
  /** Called after each API call, in addition to the log. */
  readonly onCall?: (call: ApiCall) => void;
  /** The API's port. @default the one in stack local, or the next free one */
  readonly port?: number;
  /** Serve the API over HTTPS, with a certificate of the servers' authority. @default false */
  readonly https?: boolean;
  /** How long clusters and deployments take. @default "instant": no added delay */
  readonly timings?: Timings;
}

/** Resolves when the API is ready. Clusters and apps from the previous run start in the background: `cloud.idle()` waits for them. */
export async function openHost(workspace: Workspace, options: HostOptions): Promise<Host> {
  const { log, onCall = () => {}, port, https = false, timings = "instant" } = options;
  const { home } = workspace;
  const moves: string[] = [];
  const report: Report = (message, about) => {
    if (about === "port") moves.push(message);
    log(message);
  };
  const serverBacking = openServers({ home, report });
  const apps = openApps({ state: home.state, report, apiUrl: () => apiUrl });
  const notes = new Map<string, string>();
  const calls: ApiCall[] = [];
  let stopsServers = true;
  let apiUrl: string | undefined;

  const cloud = await openCloud({
    directory: workspace.cloud,
    timings,
    spacesKey: SPACES_KEY,
    backing: {
      ...serverBacking,
      ...apps,
      close: async () => {
        await apps.close();
        if (stopsServers) await serverBacking.close();
        else serverBacking.leave();
      },
    },
    note: (line) => {
      const [, id = "", note = ""] = /^starting cluster ([\w-]+): ([\s\S]*)$/.exec(line) ?? [];
      if (id !== "") notes.set(id, note);
      log(line);
    },
  });
  const apiPort: PortChoice =
    port === undefined ? await findFreePort(preferredPort(workspace.checkout), "the API", workspace.daemon) : { port };
  if (apiPort.moved !== undefined) log(apiPort.moved);
  // Before the API listens: apps of the previous run start in the background.
  apiUrl = `${https ? "https" : "http"}://127.0.0.1:${apiPort.port}`;
  const api = await startApi({
    cloud,
    token: API_TOKEN,
    project: workspace.checkout,
    port: apiPort.port,
    ...(https && { tls: certificateOf(workspace) }),
    log: ({ method, path, status, milliseconds, unknown }) => {
      const call = { at: new Date().toISOString(), method, path, status, milliseconds, unknown };
      if (calls.push(call) > MAX_CALLS) calls.shift();
      onCall(call);
      log(`${unknown ? "UNKNOWN ROUTE " : ""}${method} ${path} ${status} ${milliseconds} ms`);
    },
  });
  let resumed = false;
  void cloud.idle().then(() => {
    resumed = true;
  });

  return {
    cloud,
    provider: localCloudProvider(cloud, (id) => notes.get(id) ?? ""),
    api,
    calls,
    apiMoved: apiPort.moved,
    moves,
    status: async () => ({ servers: listServers(workspace), apps: await Promise.all(apps.status().map((app) => appLine(app, cloud))) }),
    async restartStopped() {
      if (!resumed || listServers(workspace).every(({ pid }) => pid !== undefined)) return;
      await resumeClusters(cloud);
      resumeApps(cloud);
    },
    env: (app, component) => envIn(cloud, apps, workspace, api.url, app, component),
    async close(servers) {
      stopsServers = servers;
      await api.close();
      await cloud.close();
    },
  };
}

function certificateOf({ home: { state } }: Workspace): { key: string; cert: string } {
  const { key, certificate } = openAuthority(authorityFolder(state)).issue(join(state, "api-certificate"), {});
  return { key: readFileSync(key, "utf8"), cert: readFileSync(certificate, "utf8") };
}

export function listServers({ home }: Workspace): PlatformStatus["servers"] {
  const order = ["postgres", "pgbouncer", "valkey"];
  return listServerStatus(home.state)
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.name < b.name ? -1 : 1))
    .map(({ name, kind, running, log }) => ({
      cluster: name,
      kind,
      log,
      ...(running && { port: running.port, pid: running.pid }),
    }));
}

async function appLine({ app, url, components }: AppStatus, cloud: Cloud): Promise<AppLine> {
  const found = findAppNamed(cloud, app);
  const declared = found ? componentsOf(found.spec).map(({ component }) => component) : [];
  const lines = components.map(async ({ name, kind, port, pid, log }): Promise<ComponentLine> => {
    const path = declared.find((component) => component.name === name)?.health_check?.http_path;
    const healthUrl = port === undefined ? undefined : `http://127.0.0.1:${port}${path ?? "/"}`;
    return {
      ...{ name, kind },
      ...(port !== undefined && { port }),
      ...(pid !== undefined && { pid }),
      ...(log !== undefined && { log }),
      ...(healthUrl !== undefined && { healthUrl, health: await healthAt(healthUrl) }),
    };
  });
  const values = found ? declared.flatMap(({ name }) => Object.values(resolveComponentEnv(cloud, found.id, name))) : [];
  return { app, url, leads: findDatabaseTargets(values), components: await Promise.all(lines) };
}

async function healthAt(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(6_000) });
    const text = await response.text();
    return response.ok ? "ok" : `${response.status} ${text.trim().slice(0, 300)}`;
  } catch (error) {
    return `does not answer: ${((error as Error).cause as Error | undefined)?.message ?? (error as Error).message}`;
  }
}

function envIn(cloud: Cloud, apps: AppBacking, { home }: Workspace, apiUrl: string, app: string, component: string) {
  const found = findAppNamed(cloud, app);
  if (!found) return undefined;
  const components = componentsOf(found.spec).map(({ component: { name } }) => name);
  if (!components.includes(component)) return { env: {}, components };
  const port = apps
    .status()
    .find((running) => running.app === app)
    ?.components.find(({ name }) => name === component)?.port;
  return {
    env: resolveLaptopEnv(resolveComponentEnv(cloud, found.id, component), {
      caFile: join(home.state, "apps", app, component, "ca.pem"),
      ...{ port, apiUrl },
    }),
    components,
  };
}
