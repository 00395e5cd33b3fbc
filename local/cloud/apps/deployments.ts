import { z } from "zod";
import { DEFAULT_INSTANCE_SIZE, findInstance } from "../../../catalog/instances.ts";
import { badRequest, notReady } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";
import { type App, findApp, putApp } from "./app.ts";
import { commitOf } from "./bindables.ts";
import {
  activeDeployment,
  type Deployment,
  deleteDeploymentRecord,
  deploymentsOf,
  findDeployment,
  isFinished,
  isInProgress,
  latestDeployment,
  phaseOf,
  putDeployment,
  viewProgress,
} from "./deployment.ts";
import { runInBackground, stopJobs } from "./deployment-run.ts";
import { type AppSpec, type ComponentList, componentsOf } from "./spec.ts";

export const RollbackRequest = z.object({ deployment_id: z.string(), skip_pin: z.boolean().optional() });

const MAX_DEPLOYMENTS = 50;

// ── Start ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Deploys the app's spec in the background. Supersedes a deployment in progress. */
export function deploy(cloud: Cloud, app: App, cause: string, clonedFrom?: string): Deployment {
  const since = cloud.now();
  const before = latestDeployment(cloud, app.id);
  if (before && isInProgress(cloud, before)) {
    putDeployment(cloud, { ...before, ended: { at: since, phase: "SUPERSEDED" } });
    stopJobs(before.id);
  }
  const deployment = { id: newId(), app: app.id, cause, spec: app.spec, since, until: null, ...(clonedFrom && { clonedFrom }) };
  putDeployment(cloud, deployment);
  deleteOldDeployments(cloud, app.id);
  runInBackground(cloud, deployment, cloud.durations.deploy);
  return deployment;
}

/** Keeps the active deployment, regardless of its age. */
function deleteOldDeployments(cloud: Cloud, app: string): void {
  const active = activeDeployment(cloud, app);
  for (const { id } of deploymentsOf(cloud, app).slice(MAX_DEPLOYMENTS)) if (id !== active?.id) deleteDeploymentRecord(cloud, id);
}

// ── Deploy, cancel, list ──────────────────────────────────────────────────────────────────────────────────────────────────

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
  if (!isInProgress(cloud, deployment)) throw badRequest(`deployment is ${phaseOf(cloud, deployment)} and cannot be canceled`);
  const ended = { ...deployment, ended: { at: cloud.now(), phase: "CANCELED" as const } };
  putDeployment(cloud, ended);
  stopJobs(id);
  return viewDeployment(cloud, ended);
}

export const listDeployments = (cloud: Cloud, app: string) =>
  deploymentsOf(cloud, findApp(cloud, app).id).map((deployment) => viewDeployment(cloud, deployment));

export const readDeployment = (cloud: Cloud, app: string, id: string) => viewDeployment(cloud, findDeployment(cloud, app, id));

// ── Roll back ────────────────────────────────────────────────────────────────────────────────────────────────────

export function validateRollback(cloud: Cloud, app: string, { deployment_id }: z.infer<typeof RollbackRequest>) {
  const phase = phaseOf(cloud, findDeployment(cloud, app, deployment_id));
  if (phase === "SUPERSEDED" || phase === "ACTIVE") return { valid: true, warnings: [] };
  return { valid: false, error: { code: "incompatible_phase", message: `deployment is ${phase}`, components: [] }, warnings: [] };
}

/** Deploys an earlier spec and pins the app to it, until the rollback is committed or reverted. */
export function rollback(cloud: Cloud, id: string, request: z.infer<typeof RollbackRequest>) {
  const { valid, error } = validateRollback(cloud, id, request);
  if (!valid) throw badRequest(`cannot roll back: ${error?.message}`);
  const app = findApp(cloud, id);
  const { spec } = findDeployment(cloud, id, request.deployment_id);
  const changed: App = {
    ...app,
    spec,
    updatedAt: cloud.now(),
    ...(!request.skip_pin && { pinned: { deployment: request.deployment_id, before: app.pinned?.before ?? app.spec } }),
  };
  putApp(cloud, changed);
  return viewDeployment(cloud, deploy(cloud, changed, "rollback", request.deployment_id));
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

// ── API view ─────────────────────────────────────────────────────────────────────────────────────────────

export const tierOf = (spec: AppSpec): string =>
  componentsOf(spec).every(
    ({ list, component }) => list === "static_sites" || findInstance(component.instance_size_slug ?? DEFAULT_INSTANCE_SIZE)?.single,
  )
    ? "basic"
    : "professional";

export function viewDeployment(cloud: Cloud, deployment: Deployment) {
  const { id, cause, spec, since, until, ended, clonedFrom } = deployment;
  const finished = isFinished(cloud, deployment);
  const updatedAt = formatTimestamp(ended?.at ?? (finished ? until! : since));
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
    phase_last_updated_at: updatedAt,
    created_at: formatTimestamp(since),
    updated_at: updatedAt,
    tier_slug: tierOf(spec),
    ...(clonedFrom && { cloned_from: clonedFrom }),
    ...commits("services"),
    ...commits("static_sites"),
    ...commits("workers"),
    ...commits("jobs"),
    progress: viewProgress(cloud, deployment),
  };
}
