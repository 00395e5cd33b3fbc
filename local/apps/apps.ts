/** Runs the apps of a local cloud: each component as a process, each app at one address. */
import { join } from "node:path";
import type { BackedApp, BackedComponent, BackedJob, Backing, DeployOutcome } from "../cloud/backing.ts";
import { describePortChange } from "../servers/ports/holder.ts";
import { LOOPBACK, openPorts } from "../servers/ports/ports.ts";
import type { Report } from "../servers/server.ts";
import { type RunningComponent, startComponent } from "./component.ts";
import { type Ingress, openIngress, type Route } from "./ingress.ts";
import { runJobProcess } from "./job.ts";
import { resolveLaptopEnv, writeCertificates } from "./laptop-env.ts";
import { readLogEnd } from "./logs.ts";
import { findSource, readSources } from "./sources.ts";

export type AppBacking = Pick<Backing, "placeApp" | "deployApp" | "runJob" | "removeApp" | "readLog"> & {
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

interface RunningApp {
  readonly app: BackedApp;
  readonly ingress: Ingress;
  readonly ports: Readonly<Record<string, number>>;
  components: readonly { readonly definition: BackedComponent; readonly process?: RunningComponent }[];
  /** Jobs that ran since this process started. */
  readonly jobs: Set<string>;
}

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
  const apps = new Map<string, RunningApp>();

  async function portOf(key: string): Promise<number> {
    const { port, insteadOf } = await ports.take(key);
    if (insteadOf !== undefined) report(describePortChange(insteadOf, key, port), "port");
    return port;
  }

  /** Assigns ports to the app and its services, and opens its address. */
  async function prepare(app: BackedApp): Promise<RunningApp> {
    const existing = apps.get(app.id);
    const servicePorts: Record<string, number> = {};
    for (const { name } of app.services) servicePorts[name] = existing?.ports[name] ?? (await portOf(`${app.name}/${name}`));
    const ingress = existing?.ingress ?? (await openIngress(app.name, await portOf(app.name)));
    const prepared = {
      app,
      ingress,
      ports: servicePorts,
      components: existing?.components ?? [],
      jobs: existing?.jobs ?? new Set<string>(),
    };
    apps.set(app.id, prepared);
    return prepared;
  }

  async function stop(runningApp: RunningApp): Promise<void> {
    runningApp.ingress.route([]);
    await Promise.all(runningApp.components.map(({ process }) => process?.stop()));
    runningApp.components = [];
  }

  return {
    async placeApp(app) {
      const { ingress, ports } = await prepare(app);
      return {
        url: `http://${LOOPBACK}:${ingress.port}`,
        services: Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, { host: LOOPBACK, port }])),
      };
    },

    async deployApp(app, components): Promise<DeployOutcome> {
      const runningApp = await prepare(app);
      await stop(runningApp);
      runningApp.components = components.map((definition) => {
        const { name, kind, healthPath, livenessPath } = definition;
        // The files of a site are not on this machine, and jobs run separately.
        if (kind !== "service" && kind !== "worker") return { definition };
        const directory = join(folder, app.name, name);
        const env = environment(directory, definition, apiUrl(), kind === "service" ? runningApp.ports[name] : undefined);
        const healthPaths = [healthPath, livenessPath].filter((path) => path !== undefined);
        return { definition, process: startComponent({ folder: directory, env, healthPaths }) };
      });
      runningApp.ingress.route(components.flatMap((component) => routesOf(component, runningApp.ports)));
      const outcomes = await Promise.all(
        runningApp.components.map(async ({ definition: { name, kind, healthPath = "/" } }) => ({
          name,
          problem: kind === "service" ? await waitUntilHealthy(runningApp.ports[name]!, healthPath, healthTimeoutMs) : undefined,
        })),
      );
      const failed = outcomes.find(({ problem }) => problem !== undefined);
      return failed ? { ok: false, component: failed.name, message: failed.problem! } : { ok: true };
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
      await runningApp.ingress.close();
      for (const name of Object.keys(runningApp.ports)) ports.release(`${runningApp.app.name}/${name}`);
      ports.release(runningApp.app.name);
      apps.delete(id);
    },

    async readLog(id, component, type) {
      const runningApp = apps.get(id);
      return runningApp === undefined ? "" : readLogEnd(join(folder, runningApp.app.name, component), type);
    },

    status: () =>
      [...apps.values()].map(({ app, ingress, ports, components, jobs }) => ({
        app: app.name,
        url: `http://${LOOPBACK}:${ingress.port}`,
        components: withJobs(components, jobs).map(({ definition: { name, kind }, process }) => ({
          name,
          kind,
          ...(ports[name] !== undefined && { port: ports[name] }),
          ...(process?.pid !== undefined && { pid: process.pid }),
          ...((process || jobs.has(name)) && { log: join(folder, app.name, name, "log") }),
        })),
      })),

    async close() {
      await Promise.all([...apps.values()].map(async (runningApp) => Promise.all([stop(runningApp), runningApp.ingress.close()])));
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

function routesOf({ name, kind, routes = [] }: BackedComponent, ports: Readonly<Record<string, number>>): Route[] {
  const port = ports[name];
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
