import type { BackedApp, BackedComponent, BackedJob } from "../backing.ts";
import type { Cloud } from "../core/cloud.ts";
import { type App, allApps, findApp, putApp, toBackedApp } from "./app.ts";
import { danglingReferences, resolveEnv } from "./bindables.ts";
import {
  activeDeployment,
  type Deployment,
  type FailedJob,
  type Failure,
  findDeploymentById,
  latestDeployment,
  putDeployment,
} from "./deployment.ts";
import { removeDevelopmentDatabases, startDevelopmentDatabases } from "./development-databases.ts";
import { type AppSpec, type Component, type ComponentList, componentsOf } from "./spec.ts";

/**
 * Runs a deployment: development databases, PRE_DEPLOY jobs, components, POST_DEPLOY jobs. After a failure it runs the FAILED_DEPLOY jobs and
 * keeps the previous deployment active.
 */
export function runInBackground(cloud: Cloud, { id, app }: Deployment, wait: number): void {
  cloud.background(`deployment ${id}`, () => cloud.withLock(`app ${app}`, () => run(cloud, id, wait)));
}

/** After a restart: starts the components of active deployments again, without their jobs, and continues unfinished deployments. */
export function resumeApps(cloud: Cloud): void {
  for (const app of allApps(cloud)) {
    const latest = latestDeployment(cloud, app.id);
    const active = activeDeployment(cloud, app.id);
    if (active) runInBackground(cloud, active, 0);
    if (latest?.until === null && !latest.ended) runInBackground(cloud, latest, 0);
  }
}

/** Stops the running job of a deployment, by deployment id. */
const jobControllers = new Map<string, AbortController>();

/** Stops the running job of a canceled, superseded or deleted deployment. */
export const stopJobs = (deployment: string): void => jobControllers.get(deployment)?.abort();

async function run(cloud: Cloud, id: string, wait: number): Promise<void> {
  const deployment = findDeploymentById(cloud, id);
  if (!deployment || deployment.ended) return;
  const app = findApp(cloud, deployment.app);
  if (deployment.until !== null) {
    await deployComponents(cloud, app, deployment.spec);
    return;
  }
  const controller = new AbortController();
  jobControllers.set(id, controller);
  const stop = AbortSignal.any([controller.signal, cloud.closing]);
  try {
    const { failure, replaced } = await deployNow(cloud, app, deployment, stop);
    if (replaced && findDeploymentById(cloud, id)?.ended?.phase === "CANCELED") await redeployActive(cloud, app);
    // If the job was stopped because the cloud is closing, the next start continues the deployment.
    if (hasEnded(cloud, id) || (failure && cloud.closing.aborted)) return;
    const failedJobs = failure && (await runFailedJobs(cloud, app, deployment, stop));
    if (!failure) await removeDevelopmentDatabases(cloud, app.id, deployment.spec);
    else if (replaced) await redeployActive(cloud, app);
    const after = findDeploymentById(cloud, id);
    if (!after || hasEnded(cloud, id)) return;
    const until = Math.max(cloud.now(), after.since + wait);
    putDeployment(cloud, { ...after, until, ...(failure && { failure }), ...(failedJobs?.length && { failedJobs }) });
  } finally {
    jobControllers.delete(id);
  }
}

function hasEnded(cloud: Cloud, id: string): boolean {
  const deployment = findDeploymentById(cloud, id);
  return !deployment || deployment.ended !== undefined || deployment.until !== null;
}

interface Outcome {
  readonly failure?: Failure | undefined;
  /** Whether the active deployment's components were replaced. */
  readonly replaced: boolean;
}

async function deployNow(cloud: Cloud, app: App, deployment: Deployment, stop: AbortSignal): Promise<Outcome> {
  const { id, spec } = deployment;
  let replaced = false;
  for (const { field, key, text } of danglingReferences(spec))
    cloud.note(`app ${spec.name}: ${key} in ${field} refers to ${text}, and the spec declares no such component or database`);
  try {
    const prepared = await prepare(cloud, app, spec);
    const jobFailure = await runJobs(cloud, prepared, id, "PRE_DEPLOY", stop);
    if (jobFailure || hasEnded(cloud, id)) return { failure: jobFailure, replaced };
    replaced = true;
    const outcome = await cloud.backing.deployApp(prepared.backed, prepared.components);
    if (!outcome.ok) return { failure: { component: outcome.component, message: outcome.message }, replaced: !outcome.kept };
    return { failure: hasEnded(cloud, id) ? undefined : await runJobs(cloud, prepared, id, "POST_DEPLOY", stop), replaced };
  } catch (error) {
    cloud.note(`app ${spec.name} failed to deploy: ${(error as Error).message}`);
    return { failure: { component: componentsOf(spec)[0]?.component.name ?? "", message: (error as Error).message }, replaced };
  }
}

/** Deploys the components of a spec without running its jobs. */
async function deployComponents(cloud: Cloud, app: App, spec: AppSpec): Promise<void> {
  try {
    const { backed, components } = await prepare(cloud, app, spec);
    const outcome = await cloud.backing.deployApp(backed, components);
    if (!outcome.ok) cloud.note(`app ${spec.name}: component ${outcome.component} is not healthy: ${outcome.message}`);
  } catch (error) {
    cloud.note(`app ${spec.name} failed to start: ${(error as Error).message}`);
  }
}

/** Deploys the active deployment again. Its development databases still exist. */
async function redeployActive(cloud: Cloud, app: App): Promise<void> {
  const active = activeDeployment(cloud, app.id);
  if (active) await deployComponents(cloud, app, active.spec);
}

interface Prepared {
  readonly backed: BackedApp;
  readonly components: readonly BackedComponent[];
  readonly jobs: readonly BackedJob[];
}

/** Starts the development databases, places the app, and resolves the environments of its components. */
async function prepare(cloud: Cloud, app: App, spec: AppSpec): Promise<Prepared> {
  await startDevelopmentDatabases(cloud, app.id, spec);
  const backed = toBackedApp({ ...app, spec });
  const placement = await cloud.backing.placeApp(backed);
  const current = findApp(cloud, app.id);
  if (JSON.stringify(placement) !== JSON.stringify(current.placement)) putApp(cloud, { ...current, placement });
  const described = componentsOf(spec).map(({ list, component }) => {
    const routes = routesTo(spec, component.name);
    const backedComponent: BackedComponent = {
      name: component.name,
      kind: KINDS[list],
      ...(component.kind && { when: component.kind }),
      env: resolveEnv(cloud, { id: app.id, spec, placement }, component.name),
      ...(component.health_check?.http_path && { healthPath: component.health_check.http_path }),
      ...(component.liveness_health_check?.http_path && { livenessPath: component.liveness_health_check.http_path }),
      ...(routes.length > 0 && { routes }),
    };
    return { list, component, backedComponent };
  });
  return {
    backed,
    components: described.map(({ backedComponent }) => backedComponent),
    jobs: described.flatMap(({ list, component, backedComponent }) => (list === "jobs" ? [toBackedJob(component, backedComponent)] : [])),
  };
}

const DEFAULT_TIMEOUT_MS = 30 * 60_000;
const DEFAULT_GRACE_SECONDS = 120;

const toBackedJob = ({ run_command, source_dir, timeout, termination }: Component, backedComponent: BackedComponent): BackedJob => ({
  ...backedComponent,
  ...(run_command && { command: run_command }),
  ...(source_dir && { sourceDir: source_dir }),
  timeoutMs: (timeout && durationMs(timeout)) || DEFAULT_TIMEOUT_MS,
  gracePeriodMs: (termination?.grace_period_seconds ?? DEFAULT_GRACE_SECONDS) * 1000,
});

const UNITS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** Parses a Go duration such as `1h30m` to milliseconds. Returns undefined if it is invalid. */
function durationMs(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) return undefined;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit as keyof typeof UNITS], 0);
}

const routesTo = ({ ingress }: AppSpec, name: string): string[] =>
  (ingress?.rules ?? []).flatMap(({ component, match }) =>
    component?.name === name ? [match?.path?.prefix ?? match?.path?.exact ?? "/"] : [],
  );

const KINDS: Readonly<Record<ComponentList, BackedComponent["kind"]>> = {
  services: "service",
  static_sites: "static_site",
  workers: "worker",
  jobs: "job",
  functions: "function",
};

// ── Jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Runs jobs one by one in the order of the spec, until one fails. */
async function runJobs(
  cloud: Cloud,
  { backed, jobs }: Prepared,
  id: string,
  kind: "PRE_DEPLOY" | "POST_DEPLOY",
  stop: AbortSignal,
): Promise<Failure | undefined> {
  for (const job of jobs.filter(({ when }) => when === kind)) {
    const deployment = findDeploymentById(cloud, id);
    if (!deployment || hasEnded(cloud, id)) return undefined;
    putDeployment(cloud, { ...deployment, reached: job.name });
    const outcome = await cloud.backing.runJob(backed, job, stop);
    if (!outcome.ok) return { component: job.name, message: outcome.message };
  }
  return undefined;
}

/** Runs all FAILED_DEPLOY jobs, even if one of them fails. */
async function runFailedJobs(cloud: Cloud, app: App, { spec }: Deployment, stop: AbortSignal): Promise<FailedJob[]> {
  if (!spec.jobs?.some(({ kind }) => kind === "FAILED_DEPLOY")) return [];
  const outcomes: FailedJob[] = [];
  try {
    const { backed, jobs } = await prepare(cloud, app, spec);
    for (const job of jobs.filter(({ when }) => when === "FAILED_DEPLOY")) {
      const outcome = await cloud.backing.runJob(backed, job, stop);
      outcomes.push({ name: job.name, ...(!outcome.ok && { error: outcome.message }) });
    }
  } catch (error) {
    cloud.note(`the FAILED_DEPLOY jobs of app ${spec.name} did not run: ${(error as Error).message}`);
  }
  return outcomes;
}
