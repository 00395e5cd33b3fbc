import { z } from "zod";
import { DEFAULT_INSTANCE_SIZE } from "../../../catalog/instances.ts";
import { instancePrice } from "../../../catalog/prices.ts";
import { assignToProject, requireProject } from "../account/projects.ts";
import { conflict } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { newId, newSuffix } from "../core/ids.ts";
import { type App, allApps, deleteAppRecord, findApp, findAppNamed, putApp, toBackedApp, urnOf } from "./app.ts";
import { deleteDeployments, latestDeployment } from "./deployment.ts";
import { stopJobs } from "./deployment-run.ts";
import { deploy } from "./deployments.ts";
import { removeDevelopmentDatabases } from "./development-databases.ts";
import { type AppSpec, type Component, componentsOf, parseSpec, specError } from "./spec.ts";
import { checkSpec } from "./spec-check.ts";
import { applySpecDefaults } from "./spec-defaults.ts";
import { viewApp } from "./views.ts";

export const CreateAppRequest = z.object({ spec: z.unknown(), project_id: z.string().optional() });
export const UpdateAppRequest = z.object({ spec: z.unknown() });
export const ProposeAppRequest = z.object({ spec: z.unknown(), app_id: z.string().optional() });

/** Newest first. */
export const listApps = (cloud: Cloud) =>
  allApps(cloud)
    .map((app) => viewApp(cloud, app))
    .reverse();

export const readApp = (cloud: Cloud, id: string) => viewApp(cloud, findApp(cloud, id));

export async function createApp(cloud: Cloud, request: z.infer<typeof CreateAppRequest>) {
  const spec = parseSpec(request.spec);
  // One lock for the account: names and domains are unique in it, and placing an app is asynchronous.
  return await cloud.withLock("new app", async () => {
    checkSpec(cloud, spec);
    checkNameAndDomains(cloud, spec);
    if (request.project_id) requireProject(cloud, request.project_id);
    const [id, suffix] = [newId(), newSuffix()];
    const filled = applySpecDefaults(cloud, spec, id);
    const placement = await cloud.backing.placeApp(toBackedApp({ id, suffix, spec: filled }));
    const now = cloud.now();
    const app: App = { id, suffix, spec: filled, placement, createdAt: now, updatedAt: now, destinations: {} };
    putApp(cloud, app);
    assignToProject(cloud, urnOf(app), request.project_id);
    deploy(cloud, app, "app spec created");
    return viewApp(cloud, app);
  });
}

/** Replaces the whole spec and deploys it, even if nothing changed. */
export async function updateApp(cloud: Cloud, id: string, request: z.infer<typeof UpdateAppRequest>) {
  findApp(cloud, id);
  const spec = parseSpec(request.spec);
  return await cloud.withLock("new app", async () => {
    const app = findApp(cloud, id);
    checkSpec(cloud, spec, id);
    checkNameAndDomains(cloud, spec, id);
    if (app.pinned) throw conflict("app is pinned to a rolled back deployment; commit or revert the rollback first");
    const filled = applySpecDefaults(cloud, spec, id);
    const changed = { ...app, spec: filled, updatedAt: cloud.now() };
    putApp(cloud, changed);
    deploy(cloud, changed, "app spec updated");
    return viewApp(cloud, changed);
  });
}

export async function deleteApp(cloud: Cloud, id: string): Promise<void> {
  findApp(cloud, id);
  const latest = latestDeployment(cloud, id);
  if (latest) stopJobs(latest.id);
  await cloud.withLock(`app ${id}`, async () => {
    const app = findApp(cloud, id);
    await cloud.backing.removeApp(id);
    await removeDevelopmentDatabases(cloud, id);
    deleteDeployments(cloud, id);
    deleteAppRecord(cloud, app);
  });
}

/** Returns what a spec would become, without creating or changing an app. */
export function proposeApp(cloud: Cloud, request: z.infer<typeof ProposeAppRequest>) {
  const spec = parseSpec(request.spec);
  const { app_id } = request;
  if (app_id) findApp(cloud, app_id);
  checkSpec(cloud, spec, app_id);
  const available = !isNameTaken(cloud, spec.name, app_id);
  const costOf = ({ instance_size_slug, instance_count = 1 }: Component) => {
    return (instancePrice(instance_size_slug ?? DEFAULT_INSTANCE_SIZE) ?? 0) * instance_count;
  };
  const paid = componentsOf(spec).filter(({ list }) => list === "services" || list === "workers");
  return {
    app_name_available: available,
    ...(!available && { app_name_suggestion: `${spec.name.slice(0, 30)}-2` }),
    app_is_static: componentsOf(spec).every(({ list }) => list === "static_sites"),
    existing_static_apps: String(
      allApps(cloud).filter((app) => componentsOf(app.spec).every(({ list }) => list === "static_sites")).length,
    ),
    spec: applySpecDefaults(cloud, spec, app_id ?? newId()),
    app_cost: paid.reduce((sum, { component }) => sum + costOf(component), 0),
  };
}

function checkNameAndDomains(cloud: Cloud, spec: AppSpec, id?: string): void {
  if (isNameTaken(cloud, spec.name, id)) throw conflict("app name already exists");
  const others = allApps(cloud).filter((app) => app.id !== id);
  (spec.domains ?? []).forEach(({ domain }, index) => {
    const owner = others.find((app) => app.spec.domains?.some((other) => other.domain === domain));
    if (owner) throw specError(`domains.${index}.domain`, `"${domain}" is in use by app ${owner.spec.name}`);
  });
}

function isNameTaken(cloud: Cloud, name: string, id?: string): boolean {
  const owner = findAppNamed(cloud, name);
  return owner !== undefined && owner.id !== id;
}
