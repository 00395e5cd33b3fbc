/** Everything that runs as long as the platform does: the cloud, what stands behind it, and the API in front of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CloudProvider } from "../../engine/cloud-provider.ts";
import { type Api, startApi } from "../api/server.ts";
import { type AppBacking, type AppStatus, openApps } from "../apps/apps.ts";
import { resolveLaptopEnv } from "../apps/laptop-env.ts";
import { findAppNamed, resolveComponentEnv } from "../cloud/apps/app.ts";
import { componentsOf } from "../cloud/apps/spec.ts";
import { type Cloud, openCloud } from "../cloud/open-cloud.ts";
import { resumeClusters } from "../cloud/databases/cluster-start.ts";
import { resumeApps } from "../cloud/apps/deployment-run.ts";
import type { Timings } from "../cloud/core/time.ts";
import { localCloudProvider } from "../program/provider.ts";
import { openServers } from "../servers/backing.ts";
import { openAuthority } from "../servers/certificates.ts";
import { authorityFolder } from "../servers/context.ts";
import { listServerStatus } from "../servers/status.ts";
import { findDatabaseTargets } from "./database-targets.ts";
import { API_TOKEN, SPACES_KEY } from "./defaults.ts";
import { findFreePort, type PortChoice } from "./ports.ts";
import { preferredPort } from "./stack-endpoint.ts";
import type { AppLine, ComponentLine, PlatformStatus } from "./status.ts";
import type { Workspace } from "./workspace.ts";

export interface Host {
  readonly cloud: Cloud;
  readonly world: CloudProvider;
  readonly api: Api;
  readonly calls: readonly ApiCall[];
  /** Why the API is not at the port that stack local names; absent where it is. */
  readonly apiMoved: string | undefined;
  /** The same of servers and apps, since this host started. */
  readonly moves: readonly string[];
  status(): Promise<Omit<PlatformStatus, "daemon">>;
  /** Starts servers that ended by themselves, or were ended by somebody, and what depends on where they answer. */
  restartStopped(): Promise<void>;
  /** The variables of one component as its process finds them; undefined where there is no such app or component. */
  env(app: string, component: string): { env: Record<string, string>; components: string[] } | undefined;
  /** @param servers Whether they end too; else they run on, for the next host to find. */
  close(servers: boolean): Promise<void>;
}

export interface ApiCall {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  /** Nothing here answers such a request: a mistake of the client's, or something that this API lacks. */
  readonly unknown: boolean;
}

const KEPT_CALLS = 200;

/** How a server or an app reports that it listens on another port than before. */
const MOVED = /^Port \d+ is in use by /;

export interface HostOptions {
  readonly log: (line: string) => void;
  /** Told of every API call. @default nobody but the log */
  readonly onCall?: (call: ApiCall) => void;
  /** The API's port, and no other. @default the one that stack local names, or the next that is free */
  readonly port?: number;
  /** The API on https, with a certificate of the servers' own authority. @default false */
  readonly https?: boolean;
  /** How long clusters and deployments take. @default "instant": as long as they really do here */
  readonly timings?: Timings;
}

/** What ran before is started again while this is answered already: `cloud.idle()` tells when it all runs. */
export async function openHost(place: Workspace, options: HostOptions): Promise<Host> {
  const { log, onCall = () => {}, port, https = false, timings = "instant" } = options;
  const { home } = place;
  const moves: string[] = [];
  const report = (line: string) => {
    if (MOVED.test(line)) moves.push(line);
    log(line);
  };
  const servers = openServers({ home, report });
  const apps = openApps({ state: home.state, report });
  const notes = new Map<string, string>();
  const calls: ApiCall[] = [];
  let endServers = true;

  const cloud = await openCloud({
    directory: place.cloud,
    timings,
    spacesKey: SPACES_KEY,
    backing: {
      ...servers,
      placeApp: apps.placeApp,
      deployApp: apps.deployApp,
      runJob: apps.runJob,
      removeApp: apps.removeApp,
      close: async () => {
        await apps.close();
        if (endServers) await servers.close();
        else servers.leave();
      },
    },
    note: (line) => {
      const [, id = "", said = ""] = /^starting cluster ([\w-]+): ([\s\S]*)$/.exec(line) ?? [];
      if (id !== "") notes.set(id, said);
      log(line);
    },
  });
  const apiPort: PortChoice = port === undefined ? await findFreePort(preferredPort(place.checkout), "the API", place.daemon) : { port };
  if (apiPort.moved !== undefined) log(apiPort.moved);
  const api = await startApi({
    cloud,
    token: API_TOKEN,
    project: place.checkout,
    port: apiPort.port,
    ...(https && { tls: certificateOf(place) }),
    log: ({ method, path, status, milliseconds, unknown }) => {
      const call = { at: new Date().toISOString(), method, path, status, milliseconds, unknown };
      if (calls.push(call) > KEPT_CALLS) calls.shift();
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
    world: localCloudProvider(cloud, (id) => notes.get(id) ?? ""),
    api,
    calls,
    apiMoved: apiPort.moved,
    moves,
    status: async () => ({ servers: listServers(place), apps: await Promise.all(apps.status().map((app) => appLine(app, cloud))) }),
    async restartStopped() {
      if (!resumed || listServers(place).every(({ pid }) => pid !== undefined)) return;
      await resumeClusters(cloud);
      resumeApps(cloud);
    },
    env: (app, component) => envIn(cloud, apps, place, app, component),
    async close(alsoServers) {
      endServers = alsoServers;
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

function envIn(cloud: Cloud, apps: AppBacking, { home }: Workspace, app: string, component: string) {
  const found = findAppNamed(cloud, app);
  if (!found) return undefined;
  const components = componentsOf(found.spec).map(({ component: { name } }) => name);
  if (!components.includes(component)) return { env: {}, components };
  const port = apps
    .status()
    .find((it) => it.app === app)
    ?.components.find(({ name }) => name === component)?.port;
  return { env: resolveLaptopEnv(resolveComponentEnv(cloud, found.id, component), join(home.state, "apps", app, component, "ca.pem"), port), components };
}
