/** Runs the apps of a local cloud: each component as a process, each app at one address. */
import { join } from "node:path";
import type { AppMethod, BackedApp, BackedComponent, BackedJob, Backing, DeployOutcome } from "../cloud/backing.ts";
import { describePortChange } from "../servers/ports/holder.ts";
import { LOOPBACK, openPorts } from "../servers/ports/ports.ts";
import type { Report } from "../servers/server.ts";
import { type RunningComponent, startComponent } from "./component.ts";
import { type Ingress, openIngress, type Route } from "./ingress.ts";
import { runJobProcess } from "./job.ts";
import { resolveLaptopEnv, writeCertificates } from "./laptop-env.ts";
import { readLogEnd } from "./logs.ts";
import { findProgram } from "./programs.ts";
import { findSource, readSources } from "./sources.ts";

export type AppBacking = Pick<Backing, AppMethod> & {
  status(): AppStatus[];
  close(): Promise<void>;
};

export interface AppStatus {
  readonly app: string;
  readonly url: string;
  readonly components: readonly {
    readonly name: string;
    readonly kind: string;
    readonly port?: number;
    readonly pid?: number;
    readonly log?: string;
  }[];
}

/** Not the ports that development servers use by default. */
const PORTS = { first: 4100, last: 4999 };

/** Of the processes behind the addresses: below the servers' ports, and not the ports that development servers use by default. */
const INSTANCE_PORTS = { first: 24_000, last: 24_999 };

/** How long the processes of the previous deployment may finish the requests that they have. */
const DRAIN_TIMEOUT_MS = 30_000;

interface RunningApp {
  readonly app: BackedApp;
  readonly ingress: Ingress;
  /** The address of each service within the network. It stays the same, whichever process answers there. */
  readonly addresses: ReadonlyMap<string, Ingress>;
  components: readonly Instance[];
  /** Whether all of them became healthy: then they answer until those of the next deployment are. */
  isActive: boolean;
  /** Jobs that ran since this process started. */
  readonly jobs: Set<string>;
}

interface Instance {
  readonly definition: BackedComponent;
  readonly process?: RunningComponent;
  /** Of a service. */
  readonly port?: number;
  /** Which of the two names of its port it has: the process that replaces it has the other one. */
  readonly slot?: 1 | 2;
}

const MOST_PORTS_TRIED = 5;

export interface AppOptions {
  readonly state: string;
  readonly report: Report;
  /** The address of the API; undefined until it is served. */
  readonly apiUrl?: () => string | undefined;
  /** How long a component may take to become healthy before its deployment fails. @default 15 seconds */
  readonly healthTimeoutMs?: number;
}

export function openApps({ state, report, apiUrl = () => undefined, healthTimeoutMs = 15_000 }: AppOptions): AppBacking {
  const folder = join(state, "apps");
  const ports = openPorts(folder, PORTS);
  const instancePorts = openPorts(join(state, "instances"), INSTANCE_PORTS);
  const apps = new Map<string, RunningApp>();

  async function portOf(key: string): Promise<number> {
    const { port, insteadOf } = await ports.take(key);
    if (insteadOf !== undefined) report(describePortChange(insteadOf, key, port), "port");
    return port;
  }

  /** A process of another user may take the port between the choice of it and its use. */
  async function openAddress(key: string): Promise<Ingress> {
    for (let attempt = 1; ; attempt++)
      try {
        return await openIngress(key, await portOf(key));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || attempt === MOST_PORTS_TRIED) throw error;
        ports.release(key);
      }
  }

  /** Assigns ports to the app and its services, and opens its address. */
  async function prepare(app: BackedApp): Promise<RunningApp> {
    const existing = apps.get(app.id);
    const addresses = new Map<string, Ingress>();
    for (const { name } of app.services) addresses.set(name, existing?.addresses.get(name) ?? (await openAddress(`${app.name}/${name}`)));
    const ingress = existing?.ingress ?? (await openAddress(app.name));
    for (const [name, address] of existing?.addresses ?? []) if (!addresses.has(name)) await closeAddress(app.name, name, address);
    const prepared = {
      app,
      ingress,
      addresses,
      components: existing?.components ?? [],
      isActive: existing?.isActive ?? false,
      jobs: existing?.jobs ?? new Set<string>(),
    };
    apps.set(app.id, prepared);
    return prepared;
  }

  async function closeAddress(app: string, service: string, address: Ingress): Promise<void> {
    await address.close();
    ports.release(`${app}/${service}`);
    for (const slot of [1, 2]) instancePorts.release(`${app}/${service} ${slot}`);
  }

  async function start(app: BackedApp, definition: BackedComponent, before: Instance | undefined): Promise<Instance> {
    const { name, kind, healthPath, livenessPath } = definition;
    // The files of a site are not on this machine, and jobs run separately.
    if (kind !== "service" && kind !== "worker") return { definition };
    const directory = join(folder, app.name, name);
    const slot = before?.slot === 1 ? 2 : 1;
    const port = kind === "service" ? (await instancePorts.take(`${app.name}/${name} ${slot}`)).port : undefined;
    const env = environment(directory, definition, apiUrl(), port);
    const healthPaths = [healthPath, livenessPath].filter((path) => path !== undefined);
    const process = startComponent({ folder: directory, env, healthPaths, program: findProgram(state, app.name, name) });
    return { definition, process, slot, ...(port !== undefined && { port }) };
  }

  function route({ ingress, addresses, components }: RunningApp): void {
    ingress.route(components.flatMap(routesOf));
    for (const [name, address] of addresses) {
      const port = components.find(({ definition }) => definition.name === name)?.port;
      address.route(port === undefined ? [] : [{ prefix: "/", to: { port } }]);
    }
  }

  /** Stops processes that no new request reaches, after the requests that they have. */
  async function drain({ ingress, addresses }: RunningApp, instances: readonly Instance[]): Promise<void> {
    const served = instances.flatMap(({ port }) => (port === undefined ? [] : [port]));
    await Promise.all([ingress, ...addresses.values()].map((address) => address.finish(served, DRAIN_TIMEOUT_MS)));
    await Promise.all(instances.map(({ process }) => process?.stop()));
  }

  async function stop(runningApp: RunningApp): Promise<void> {
    const { components } = runningApp;
    runningApp.components = [];
    runningApp.isActive = false;
    route(runningApp);
    await Promise.all(components.map(({ process }) => process?.stop()));
  }

  return {
    async placeApp(app) {
      const { ingress, addresses } = await prepare(app);
      return {
        url: `http://${LOOPBACK}:${ingress.port}`,
        services: Object.fromEntries([...addresses].map(([name, { port }]) => [name, { host: LOOPBACK, port }])),
      };
    },

    async deployApp(app, components): Promise<DeployOutcome> {
      const runningApp = await prepare(app);
      // What is not healthy makes way at once, and its successor may become healthy later.
      if (!runningApp.isActive) await stop(runningApp);
      const before = runningApp.components;
      const started: Instance[] = [];
      for (const definition of components) {
        const predecessor = before.find((instance) => instance.definition.name === definition.name);
        started.push(await start(app, definition, predecessor));
      }
      if (!runningApp.isActive) {
        runningApp.components = started;
        route(runningApp);
      }
      const outcomes = await Promise.all(
        started.map(async ({ definition: { name, kind, healthPath = "/" }, port }) => ({
          name,
          problem: kind === "service" ? await waitUntilHealthy(port!, healthPath, healthTimeoutMs) : undefined,
        })),
      );
      const failed = outcomes.find(({ problem }) => problem !== undefined);
      if (failed) {
        const kept = runningApp.isActive;
        if (kept) await Promise.all(started.map(({ process }) => process?.stop()));
        return { ok: false, component: failed.name, message: failed.problem!, ...(kept && { kept }) };
      }
      runningApp.components = started;
      runningApp.isActive = true;
      route(runningApp);
      await drain(runningApp, before);
      return { ok: true };
    },

    async runJob(app, job, stop): Promise<DeployOutcome> {
      const runningApp = await prepare(app);
      runningApp.jobs.add(job.name);
      const directory = join(folder, app.name, job.name);
      const command = commandOf(state, app, job);
      const { name, timeoutMs, gracePeriodMs } = job;
      const env = environment(directory, job, apiUrl());
      const problem = await runJobProcess({ name, folder: directory, env, ...(command && { command }), timeoutMs, gracePeriodMs, stop });
      return problem === undefined ? { ok: true } : { ok: false, component: name, message: problem };
    },

    async removeApp(id) {
      const runningApp = apps.get(id);
      if (!runningApp) return;
      await stop(runningApp);
      const { app, ingress, addresses } = runningApp;
      await ingress.close();
      for (const [name, address] of addresses) await closeAddress(app.name, name, address);
      ports.release(app.name);
      apps.delete(id);
    },

    async readLog(id, component, type) {
      const runningApp = apps.get(id);
      return runningApp === undefined ? "" : readLogEnd(join(folder, runningApp.app.name, component), type);
    },

    status: () =>
      [...apps.values()].map(({ app, ingress, addresses, components, jobs }) => ({
        app: app.name,
        url: `http://${LOOPBACK}:${ingress.port}`,
        components: withJobs(components, jobs).map(({ definition: { name, kind }, process }) => ({
          name,
          kind,
          ...(addresses.has(name) && { port: addresses.get(name)!.port }),
          ...(process?.pid !== undefined && { pid: process.pid }),
          ...((process || jobs.has(name)) && { log: join(folder, app.name, name, "log") }),
        })),
      })),

    async close() {
      await Promise.all(
        [...apps.values()].map(async (runningApp) => {
          const { ingress, addresses } = runningApp;
          await Promise.all([stop(runningApp), ...[ingress, ...addresses.values()].map((address) => address.close())]);
        }),
      );
      apps.clear();
    },
  };
}

type Component =
  | RunningApp["components"][number]
  | { readonly definition: Pick<BackedComponent, "name" | "kind">; readonly process?: undefined };

/** Adds jobs of deployments whose components did not start. */
const withJobs = (components: RunningApp["components"], jobs: ReadonlySet<string>): Component[] => [
  ...components,
  ...[...jobs]
    .filter((name) => !components.some(({ definition }) => definition.name === name))
    .map((name) => ({ definition: { name, kind: "job" as const } })),
];

function environment(directory: string, { env }: BackedComponent, apiUrl: string | undefined, port?: number): Record<string, string> {
  const caFile = join(directory, "ca.pem");
  writeCertificates(env, caFile);
  return resolveLaptopEnv(env, { caFile, port, apiUrl });
}

/** The command of a job, if the folder of its source is set. */
function commandOf(state: string, app: BackedApp, { name, command, sourceDir }: BackedJob) {
  const directory = findSource(readSources(state), app.name, name, sourceDir);
  return command !== undefined && directory !== undefined ? { text: command, directory } : undefined;
}

function routesOf({ definition: { name, kind, routes = [] }, port }: Instance): Route[] {
  if (kind === "static_site" || kind === "function") return routes.map((prefix) => ({ prefix, to: { site: name } }));
  return port === undefined ? [] : routes.map((prefix) => ({ prefix, to: { port } }));
}

/** Requests the health check path, as App Platform does. @returns undefined once it succeeds, otherwise its last answer */
async function waitUntilHealthy(port: number, path: string, timeoutMs: number): Promise<string | undefined> {
  const until = Date.now() + timeoutMs;
  for (let pause = 10; ; pause = Math.min(pause * 1.5, 200)) {
    let problem: string;
    try {
      const response = await fetch(`http://${LOOPBACK}:${port}${path}`, { signal: AbortSignal.timeout(5_000) });
      if (response.ok) return undefined;
      problem = `${path} answered ${response.status}: ${(await response.text()).slice(0, 400).trim()}`;
    } catch (error) {
      problem = `${path} does not answer: ${((error as Error).cause as Error | undefined)?.message ?? (error as Error).message}`;
    }
    if (Date.now() > until) return problem;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
