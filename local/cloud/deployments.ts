import { z } from "zod";
import { DEFAULT_INSTANCE_SIZE, findInstance } from "../../catalog/instances.ts";
import { badRequest, notReady } from "./api-error.ts";
import { type App, findApp, putApp } from "./app.ts";
import { type AppSpec, type ComponentList, componentsOf } from "./app-spec.ts";
import { commitOf } from "./bindables.ts";
import {
  activeDeployment,
  type Deployment,
  deploymentsOf,
  dropDeployment,
  findDeployment,
  inProgress,
  isFinished,
  latestDeployment,
  phaseOf,
  putDeployment,
  viewProgress,
} from "./deployment.ts";
import { runInBackground, stopJobs } from "./deployment-run.ts";
import type { Cloud } from "./handle.ts";
import { newId } from "./ids.ts";
import { stamp } from "./waits.ts";

export const RollbackAsk = z.object({ deployment_id: z.string(), skip_pin: z.boolean().optional() });

const KEPT_DEPLOYMENTS = 50;

// ── Deploying ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Deploys the app's spec in the background; a deployment that is still under way is superseded. */
export function deploy(cloud: Cloud, app: App, cause: string, clonedFrom?: string): Deployment {
  const since = cloud.now();
  const before = latestDeployment(cloud, app.id);
  if (before && inProgress(cloud, before)) {
    putDeployment(cloud, { ...before, ended: { at: since, phase: "SUPERSEDED" } });
    stopJobs(before.id);
  }
  const deployment = { id: newId(), app: app.id, cause, spec: app.spec, since, until: null, ...(clonedFrom && { clonedFrom }) };
  putDeployment(cloud, deployment);
  forgetOldest(cloud, app.id);
  runInBackground(cloud, deployment, cloud.waits.deploy);
  return deployment;
}

/** What is active is kept, however old it is. */
function forgetOldest(cloud: Cloud, app: string): void {
  const active = activeDeployment(cloud, app);
  for (const { id } of deploymentsOf(cloud, app).slice(KEPT_DEPLOYMENTS)) if (id !== active?.id) dropDeployment(cloud, id);
}

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
  putDeployment(cloud, ended);
  stopJobs(id);
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

// ── As the API shows it ─────────────────────────────────────────────────────────────────────────────────────────────

export const tierOf = (spec: AppSpec): string =>
  componentsOf(spec).every(
    ({ list, component }) => list === "static_sites" || findInstance(component.instance_size_slug ?? DEFAULT_INSTANCE_SIZE)?.single,
  )
    ? "basic"
    : "professional";

export function viewDeployment(cloud: Cloud, deployment: Deployment) {
  const { id, cause, spec, since, until, ended, clonedFrom } = deployment;
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
    progress: viewProgress(cloud, deployment),
  };
}
