import { z } from "zod";
import { badRequest, notFound, notReady } from "./api-error.ts";
import { type App, allApps, backedApp, findApp, putApp } from "./app.ts";
import { type AppSpec, type ComponentList, componentsOf } from "./app-spec.ts";
import type { BackedComponent } from "./backing.ts";
import { commitOf, resolveEnv } from "./bindables.ts";
import type { Cloud } from "./handle.ts";
import { newId } from "./ids.ts";
import { APP_SIZES } from "./offer.ts";
import { progressOf } from "./progress.ts";
import { stamp } from "./waits.ts";

export interface Deployment {
  readonly id: string;
  readonly app: string;
  readonly cause: string;
  readonly spec: AppSpec;
  readonly since: number;
  /** When it is done; null while what runs behind it is not. */
  readonly until: number | null;
  readonly failure?: { readonly component: string; readonly message: string };
  /** Ended before it was done: by hand, or by a newer one. */
  readonly ended?: { readonly at: number; readonly phase: "CANCELED" | "SUPERSEDED" };
  readonly clonedFrom?: string;
}

export const RollbackAsk = z.object({ deployment_id: z.string(), skip_pin: z.boolean().optional() });

const deployments = (cloud: Cloud) => cloud.store.kind<Deployment>("deployments");
const KEPT_DEPLOYMENTS = 50;

/** Newest first. */
const deploymentsOf = (cloud: Cloud, app: string): Deployment[] =>
  deployments(cloud)
    .all()
    .filter((deployment) => deployment.app === app)
    .reverse();

// ── Deploying ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Deploys the app's spec in the background; a deployment that is still under way is superseded. */
export function deploy(cloud: Cloud, app: App, cause: string, clonedFrom?: string): Deployment {
  const since = cloud.now();
  const before = latestDeployment(cloud, app.id);
  if (before && inProgress(cloud, before)) deployments(cloud).put(before.id, { ...before, ended: { at: since, phase: "SUPERSEDED" } });
  const deployment = { id: newId(), app: app.id, cause, spec: app.spec, since, until: null, ...(clonedFrom && { clonedFrom }) };
  deployments(cloud).put(deployment.id, deployment);
  forgetOldest(cloud, app.id);
  runInBackground(cloud, deployment.id, cloud.waits.deploy);
  return deployment;
}

/** What is active is kept, however old it is. */
function forgetOldest(cloud: Cloud, app: string): void {
  const active = activeDeployment(cloud, app);
  for (const { id } of deploymentsOf(cloud, app).slice(KEPT_DEPLOYMENTS)) if (id !== active?.id) deployments(cloud).delete(id);
}

/** After a restart: what was under way is finished, and what ran runs again. */
export function resumeApps(cloud: Cloud): void {
  for (const app of allApps(cloud)) {
    const latest = latestDeployment(cloud, app.id);
    const active = activeDeployment(cloud, app.id);
    if (active) runInBackground(cloud, active.id, 0);
    if (latest?.until === null && !latest.ended) runInBackground(cloud, latest.id, 0);
  }
}

const runInBackground = (cloud: Cloud, id: string, wait: number): void =>
  cloud.background(`deployment ${id}`, () => cloud.exclusively(`app ${deployments(cloud).get(id)!.app}`, () => run(cloud, id, wait)));

async function run(cloud: Cloud, id: string, wait: number): Promise<void> {
  const deployment = deployments(cloud).get(id);
  if (!deployment || deployment.ended) return;
  const app = findApp(cloud, deployment.app);
  const failure = await attempt(cloud, app, deployment.spec);
  const after = deployments(cloud).get(id);
  if (!after || after.ended || after.until !== null) return;
  deployments(cloud).put(id, { ...after, until: Math.max(cloud.now(), after.since + wait), ...(failure && { failure }) });
}

async function attempt(cloud: Cloud, app: App, spec: AppSpec): Promise<Deployment["failure"]> {
  try {
    const placement = await cloud.backing.placeApp(backedApp({ ...app, spec }));
    const current = findApp(cloud, app.id);
    if (JSON.stringify(placement) !== JSON.stringify(current.placement)) putApp(cloud, { ...current, placement });
    const place = { id: app.id, spec, placement };
    const components = componentsOf(spec).map(({ list, component }): BackedComponent => {
      const routes = routesTo(spec, component.name);
      return {
        name: component.name,
        kind: KINDS[list],
        ...(component.kind && { when: component.kind }),
        env: resolveEnv(cloud, place, component.name),
        ...(component.health_check?.http_path && { healthPath: component.health_check.http_path }),
        ...(routes.length > 0 && { routes }),
      };
    });
    const outcome = await cloud.backing.deployApp(backedApp({ ...app, spec }), components);
    return outcome.ok ? undefined : { component: outcome.component, message: outcome.message };
  } catch (error) {
    cloud.note(`app ${spec.name} could not be deployed: ${(error as Error).message}`);
    return { component: componentsOf(spec)[0]?.component.name ?? "", message: (error as Error).message };
  }
}

const routesTo = ({ ingress }: AppSpec, name: string): string[] =>
  (ingress?.rules ?? []).flatMap(({ component, match }) => (component?.name === name ? [match?.path?.prefix ?? "/"] : []));

const KINDS: Readonly<Record<ComponentList, BackedComponent["kind"]>> = {
  services: "service",
  static_sites: "static_site",
  workers: "worker",
  jobs: "job",
  functions: "function",
};

// ── Asking for one ──────────────────────────────────────────────────────────────────────────────────────────────────

export const redeploy = (cloud: Cloud, id: string) => viewDeployment(cloud, deploy(cloud, findApp(cloud, id), "manual"));

export function restart(cloud: Cloud, id: string, components: readonly string[] = []) {
  const app = findApp(cloud, id);
  const known = componentsOf(app.spec).map(({ component }) => component.name);
  const unknown = components.find((name) => !known.includes(name));
  if (unknown) throw badRequest(`app ${app.spec.name} has no component "${unknown}"`);
  return viewDeployment(cloud, deploy(cloud, app, "restart"));
}

export function cancelDeployment(cloud: Cloud, app: string, id: string) {
  const deployment = findDeployment(cloud, app, id);
  if (!inProgress(cloud, deployment)) throw badRequest(`deployment is ${phaseOf(cloud, deployment)} and cannot be canceled`);
  const ended = { ...deployment, ended: { at: cloud.now(), phase: "CANCELED" as const } };
  deployments(cloud).put(id, ended);
  return viewDeployment(cloud, ended);
}

export const listDeployments = (cloud: Cloud, app: string) =>
  deploymentsOf(cloud, findApp(cloud, app).id).map((deployment) => viewDeployment(cloud, deployment));

export const readDeployment = (cloud: Cloud, app: string, id: string) => viewDeployment(cloud, findDeployment(cloud, app, id));

// ── Rolling back ────────────────────────────────────────────────────────────────────────────────────────────────────

export function validateRollback(cloud: Cloud, app: string, { deployment_id }: z.infer<typeof RollbackAsk>) {
  const phase = phaseOf(cloud, findDeployment(cloud, app, deployment_id));
  if (phase === "SUPERSEDED" || phase === "ACTIVE") return { valid: true, warnings: [] };
  return { valid: false, error: { code: "incompatible_phase", message: `deployment is ${phase}`, components: [] }, warnings: [] };
}

/** Deploys an earlier spec; the app stays pinned to it until somebody commits or reverts. */
export function rollback(cloud: Cloud, id: string, ask: z.infer<typeof RollbackAsk>) {
  const { valid, error } = validateRollback(cloud, id, ask);
  if (!valid) throw badRequest(`cannot roll back: ${error?.message}`);
  const app = findApp(cloud, id);
  const { spec } = findDeployment(cloud, id, ask.deployment_id);
  const changed: App = {
    ...app,
    spec,
    updatedAt: cloud.now(),
    ...(!ask.skip_pin && { pinned: { deployment: ask.deployment_id, before: app.pinned?.before ?? app.spec } }),
  };
  putApp(cloud, changed);
  return viewDeployment(cloud, deploy(cloud, changed, "rollback", ask.deployment_id));
}

export const commitRollback = (cloud: Cloud, id: string): void => putApp(cloud, unpinned(cloud, id).app);

export function revertRollback(cloud: Cloud, id: string) {
  const { app, before } = unpinned(cloud, id);
  const reverted = { ...app, spec: before, updatedAt: cloud.now() };
  putApp(cloud, reverted);
  return viewDeployment(cloud, deploy(cloud, reverted, "rollback reverted"));
}

function unpinned(cloud: Cloud, id: string): { app: App; before: AppSpec } {
  const { pinned, ...app } = findApp(cloud, id);
  if (!pinned) throw notReady("app is not pinned to a rolled back deployment");
  return { app, before: pinned.before };
}

// ── Where a deployment stands ───────────────────────────────────────────────────────────────────────────────────────

export const latestDeployment = (cloud: Cloud, app: string): Deployment | undefined => deploymentsOf(cloud, app)[0];

export const activeDeployment = (cloud: Cloud, app: string): Deployment | undefined =>
  deploymentsOf(cloud, app).find((deployment) => isFinished(cloud, deployment) && !deployment.ended && !deployment.failure);

export function forgetDeployments(cloud: Cloud, app: string): void {
  for (const { id } of deploymentsOf(cloud, app)) deployments(cloud).delete(id);
}

export const inProgress = (cloud: Cloud, deployment: Deployment): boolean => !deployment.ended && !isFinished(cloud, deployment);

const isFinished = (cloud: Cloud, { until }: Deployment): boolean => until !== null && cloud.now() >= until;

export function phaseOf(cloud: Cloud, deployment: Deployment): string {
  if (deployment.ended) return deployment.ended.phase;
  if (isFinished(cloud, deployment)) {
    if (deployment.failure) return "ERROR";
    return activeDeployment(cloud, deployment.app)?.id === deployment.id ? "ACTIVE" : "SUPERSEDED";
  }
  const done = doneOf(cloud, deployment);
  return done === 0 ? "PENDING_BUILD" : done < 0.5 ? "BUILDING" : "DEPLOYING";
}

/** As far as the clock says, and never done before what runs behind it is. */
function doneOf(cloud: Cloud, { since, until, ended }: Deployment): number {
  if (until !== null && !ended && cloud.now() >= until) return 1;
  const [now, wait] = [ended?.at ?? cloud.now(), until === null ? cloud.waits.deploy : until - since];
  return wait === 0 ? 0 : Math.min((now - since) / wait, 0.95);
}

function findDeployment(cloud: Cloud, app: string, id: string): Deployment {
  findApp(cloud, app);
  const deployment = deployments(cloud).get(id);
  if (deployment?.app !== app) throw notFound("deployment not found");
  return deployment;
}

export const tierOf = (spec: AppSpec): string =>
  componentsOf(spec).every(
    ({ list, component }) => list === "static_sites" || APP_SIZES.find(({ slug }) => slug === component.instance_size_slug)?.singleInstance,
  )
    ? "basic"
    : "professional";

export function viewDeployment(cloud: Cloud, deployment: Deployment) {
  const { id, cause, spec, since, until, failure, ended, clonedFrom } = deployment;
  const finished = isFinished(cloud, deployment);
  const moved = stamp(ended?.at ?? (finished ? until! : since));
  const commits = (list: ComponentList) =>
    spec[list] && {
      [list]: componentsOf(spec).flatMap((placed) =>
        placed.list === list ? [{ name: placed.component.name, source_commit_hash: commitOf(placed.component) }] : [],
      ),
    };
  return {
    id,
    cause,
    spec,
    phase: phaseOf(cloud, deployment),
    phase_last_updated_at: moved,
    created_at: stamp(since),
    updated_at: moved,
    tier_slug: tierOf(spec),
    ...(clonedFrom && { cloned_from: clonedFrom }),
    ...commits("services"),
    ...commits("static_sites"),
    ...commits("workers"),
    ...commits("jobs"),
    progress: progressOf({
      spec,
      since,
      until: until ?? since + cloud.waits.deploy,
      done: doneOf(cloud, deployment),
      stopped: finished || ended !== undefined,
      failure: finished ? failure : undefined,
    }),
  };
}
