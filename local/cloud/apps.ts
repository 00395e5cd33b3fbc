import { z } from "zod";
import { DEFAULT_INSTANCE_SIZE } from "../../catalog/instances.ts";
import { instancePrice } from "../../catalog/prices.ts";
import { conflict } from "./api-error.ts";
import { type App, allApps, backedApp, dropApp, findApp, findAppNamed, putApp, urnOf } from "./app.ts";
import { type AppSpec, type Component, componentsOf, parseSpec, specMistake } from "./app-spec.ts";
import { checkSpec } from "./app-spec-check.ts";
import { fillSpec } from "./app-spec-fill.ts";
import { viewApp } from "./app-views.ts";
import { forgetDeployments, latestDeployment } from "./deployment.ts";
import { stopJobs } from "./deployment-run.ts";
import { deploy } from "./deployments.ts";
import { removeDevelopmentDatabases } from "./development-databases.ts";
import type { Cloud } from "./handle.ts";
import { newId, newSuffix } from "./ids.ts";
import { assign, requireProject } from "./projects.ts";

export const AppAsk = z.object({ spec: z.unknown(), project_id: z.string().optional() });
export const AppChange = z.object({ spec: z.unknown() });
export const ProposeAsk = z.object({ spec: z.unknown(), app_id: z.string().optional() });

/** Newest first. */
export const listApps = (cloud: Cloud) =>
  allApps(cloud)
    .map((app) => viewApp(cloud, app))
    .reverse();

export const readApp = (cloud: Cloud, id: string) => viewApp(cloud, findApp(cloud, id));

export async function createApp(cloud: Cloud, ask: z.infer<typeof AppAsk>) {
  const spec = parseSpec(ask.spec);
  // One at a time in the whole account: names and domains are unique in it, and placing an app takes a moment.
  return await cloud.exclusively("new app", async () => {
    checkSpec(cloud, spec);
    refuseTaken(cloud, spec);
    if (ask.project_id) requireProject(cloud, ask.project_id);
    const [id, suffix] = [newId(), newSuffix()];
    const filled = fillSpec(cloud, spec, id);
    const placement = await cloud.backing.placeApp(backedApp({ id, suffix, spec: filled }));
    const now = cloud.now();
    const app: App = { id, suffix, spec: filled, placement, createdAt: now, updatedAt: now, destinations: {} };
    putApp(cloud, app);
    assign(cloud, urnOf(app), ask.project_id);
    deploy(cloud, app, "app spec created");
    return viewApp(cloud, app);
  });
}

/** The spec is replaced as a whole, and whatever is in it, a new deployment follows. */
export async function updateApp(cloud: Cloud, id: string, ask: z.infer<typeof AppChange>) {
  findApp(cloud, id);
  const spec = parseSpec(ask.spec);
  return await cloud.exclusively("new app", async () => {
    const app = findApp(cloud, id);
    checkSpec(cloud, spec, id);
    refuseTaken(cloud, spec, id);
    if (app.pinned) throw conflict("app is pinned to a rolled back deployment; commit or revert the rollback first");
    const filled = fillSpec(cloud, spec, id);
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
  await cloud.exclusively(`app ${id}`, async () => {
    const app = findApp(cloud, id);
    await cloud.backing.removeApp(id);
    await removeDevelopmentDatabases(cloud, id);
    forgetDeployments(cloud, id);
    dropApp(cloud, app);
  });
}

/** What a spec would become, without making it so. */
export function proposeApp(cloud: Cloud, ask: z.infer<typeof ProposeAsk>) {
  const spec = parseSpec(ask.spec);
  const { app_id } = ask;
  if (app_id) findApp(cloud, app_id);
  checkSpec(cloud, spec, app_id);
  const available = !nameTaken(cloud, spec.name, app_id);
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
    spec: fillSpec(cloud, spec, app_id ?? newId()),
    app_cost: paid.reduce((sum, { component }) => sum + costOf(component), 0),
  };
}

function refuseTaken(cloud: Cloud, spec: AppSpec, id?: string): void {
  if (nameTaken(cloud, spec.name, id)) throw conflict("app name already exists");
  const others = allApps(cloud).filter((app) => app.id !== id);
  (spec.domains ?? []).forEach(({ domain }, index) => {
    const holder = others.find((app) => app.spec.domains?.some((other) => other.domain === domain));
    if (holder) throw specMistake(`domains.${index}.domain`, `"${domain}" is in use by app ${holder.spec.name}`);
  });
}

function nameTaken(cloud: Cloud, name: string, id?: string): boolean {
  const holder = findAppNamed(cloud, name);
  return holder !== undefined && holder.id !== id;
}
