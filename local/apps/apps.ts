/** The apps behind a local cloud: each component a process of its own, each app behind one address. */
import { join } from "node:path";
import type { BackedApp, BackedComponent, BackedJob, Backing, DeployOutcome } from "../cloud/backing.ts";
import { describePortHolder } from "../servers/ports/holder.ts";
import { LOOPBACK, openPorts } from "../servers/ports/ports.ts";
import { type RunningComponent, startComponent } from "./component.ts";
import { type Ingress, openIngress, type Route } from "./ingress.ts";
import { runJobProcess } from "./job.ts";
import { resolveLaptopEnv, writeCertificates } from "./laptop-env.ts";
import { findSource, readSources } from "./sources.ts";

export type AppBacking = Pick<Backing, "placeApp" | "deployApp" | "runJob" | "removeApp"> & {
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

/** Away from where a product's own development server listens. */
const PORTS = { first: 4100, last: 4999 };

interface Placed {
  readonly app: BackedApp;
  readonly ingress: Ingress;
  readonly ports: Readonly<Record<string, number>>;
  components: readonly { readonly is: BackedComponent; readonly running?: RunningComponent }[];
  /** Jobs that ran since this process started. */
  readonly jobs: Set<string>;
}

export interface AppOptions {
  readonly state: string;
  /** Told what a reader should know, such as a port that moved. */
  readonly report: (line: string) => void;
  /** For how long a component may be unwell before its deployment has failed. @default 15 seconds */
  readonly patienceMs?: number;
}

export function openApps({ state, report, patienceMs = 15_000 }: AppOptions): AppBacking {
  const folder = join(state, "apps");
  const ports = openPorts(folder, PORTS);
  const placed = new Map<string, Placed>();

  async function portOf(key: string): Promise<number> {
    const { port, insteadOf } = await ports.take(key);
    if (insteadOf !== undefined) report(`Port ${insteadOf} is in use by ${describePortHolder(insteadOf)}, so ${key} listens on ${port}.`);
    return port;
  }

  async function place(app: BackedApp): Promise<Placed> {
    const before = placed.get(app.id);
    const servicePorts: Record<string, number> = {};
    for (const { name } of app.services) servicePorts[name] = before?.ports[name] ?? (await portOf(`${app.name}/${name}`));
    const ingress = before?.ingress ?? (await openIngress(app.name, await portOf(app.name)));
    const now = { app, ingress, ports: servicePorts, components: before?.components ?? [], jobs: before?.jobs ?? new Set<string>() };
    placed.set(app.id, now);
    return now;
  }

  async function stop(it: Placed): Promise<void> {
    it.ingress.route([]);
    await Promise.all(it.components.map(({ running }) => running?.stop()));
    it.components = [];
  }

  return {
    async placeApp(app) {
      const { ingress, ports } = await place(app);
      return {
        url: `http://${LOOPBACK}:${ingress.port}`,
        services: Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, { host: LOOPBACK, port }])),
      };
    },

    async deployApp(app, components): Promise<DeployOutcome> {
      const it = await place(app);
      await stop(it);
      it.components = components.map((is) => {
        // A site is files, which are not here; a job runs in its turn.
        if (is.kind !== "service" && is.kind !== "worker") return { is };
        const place = join(folder, app.name, is.name);
        const env = environment(place, is, is.kind === "service" ? it.ports[is.name] : undefined);
        const healthPaths = [is.healthPath, is.livenessPath].filter((path) => path !== undefined);
        return { is, running: startComponent({ folder: place, env, healthPaths }) };
      });
      it.ingress.route(components.flatMap((is) => routesOf(is, it.ports)));
      const outcomes = await Promise.all(
        it.components.map(async ({ is }) => ({
          is,
          problem: is.kind === "service" ? await unhealthy(it.ports[is.name]!, is.healthPath ?? "/", patienceMs) : undefined,
        })),
      );
      const bad = outcomes.find(({ problem }) => problem !== undefined);
      return bad ? { ok: false, component: bad.is.name, message: bad.problem! } : { ok: true };
    },

    async runJob(app, job, stop): Promise<DeployOutcome> {
      const it = await place(app);
      it.jobs.add(job.name);
      const directory = join(folder, app.name, job.name);
      const command = commandOf(state, app, job);
      const { name, timeoutMs, gracePeriodMs } = job;
      const env = environment(directory, job);
      const problem = await runJobProcess({ name, folder: directory, env, ...(command && { command }), timeoutMs, gracePeriodMs, stop });
      return problem === undefined ? { ok: true } : { ok: false, component: name, message: problem };
    },

    async removeApp(id) {
      const it = placed.get(id);
      if (!it) return;
      await stop(it);
      await it.ingress.close();
      for (const name of Object.keys(it.ports)) ports.release(`${it.app.name}/${name}`);
      ports.release(it.app.name);
      placed.delete(id);
    },

    status: () =>
      [...placed.values()].map(({ app, ingress, ports, components, jobs }) => ({
        app: app.name,
        url: `http://${LOOPBACK}:${ingress.port}`,
        components: withJobs(components, jobs).map(({ is: { name, kind }, running }) => ({
          name,
          kind,
          ...(ports[name] !== undefined && { port: ports[name] }),
          ...(running?.pid !== undefined && { pid: running.pid }),
          ...((running || jobs.has(name)) && { log: join(folder, app.name, name, "log") }),
        })),
      })),

    async close() {
      await Promise.all([...placed.values()].map(async (it) => Promise.all([stop(it), it.ingress.close()])));
      placed.clear();
    },
  };
}

type Component = Placed["components"][number] | { readonly is: Pick<BackedComponent, "name" | "kind">; readonly running?: undefined };

/** A job may have run of a deployment whose components did not start. */
const withJobs = (components: Placed["components"], jobs: ReadonlySet<string>): Component[] => [
  ...components,
  ...[...jobs].filter((name) => !components.some(({ is }) => is.name === name)).map((name) => ({ is: { name, kind: "job" as const } })),
];

function environment(place: string, { env }: BackedComponent, port?: number): Record<string, string> {
  const caFile = join(place, "ca.pem");
  writeCertificates(env, caFile);
  return resolveLaptopEnv(env, caFile, port);
}

/** A job's command, where the folder of its source was given. */
function commandOf(state: string, app: BackedApp, { name, command, sourceDir }: BackedJob) {
  const directory = findSource(readSources(state), app.name, name, sourceDir);
  return command !== undefined && directory !== undefined ? { text: command, directory } : undefined;
}

function routesOf({ name, kind, routes = [] }: BackedComponent, ports: Readonly<Record<string, number>>): Route[] {
  const port = ports[name];
  if (kind === "static_site" || kind === "function") return routes.map((prefix) => ({ prefix, to: { site: name } }));
  return port === undefined ? [] : routes.map((prefix) => ({ prefix, to: { port } }));
}

/** Asks as App Platform does until it answers well; undefined when it does, else the last that it said. */
async function unhealthy(port: number, path: string, patienceMs: number): Promise<string | undefined> {
  const until = Date.now() + patienceMs;
  for (let pause = 10; ; pause = Math.min(pause * 1.5, 200)) {
    let said: string;
    try {
      const response = await fetch(`http://${LOOPBACK}:${port}${path}`, { signal: AbortSignal.timeout(5_000) });
      if (response.ok) return undefined;
      said = `${path} answered ${response.status}: ${(await response.text()).slice(0, 400).trim()}`;
    } catch (error) {
      said = `${path} does not answer: ${((error as Error).cause as Error | undefined)?.message ?? (error as Error).message}`;
    }
    if (Date.now() > until) return said;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
