import { z } from "zod";
import { conflict, notFound, unprocessable } from "./api-error.ts";
import { alertsOf } from "./app-alerts.ts";
import { type AppSpec, type Component, componentsOf, parseSpec, specMistake } from "./app-spec.ts";
import { checkSpec } from "./app-spec-check.ts";
import { fillSpec } from "./app-spec-fill.ts";
import type { BackedApp, Placement } from "./backing.ts";
import { publicUrl, resolveEnv } from "./bindables.ts";
import type { Cloud } from "./cloud.ts";
import {
  activeDeployment,
  type Deployment,
  deploy,
  forgetDeployments,
  inProgress,
  latestDeployment,
  phaseOf,
  viewDeployment,
} from "./deployments.ts";
import { newId, newSuffix } from "./ids.ts";
import { APP_REGIONS, APP_SIZES, type AppSize } from "./offer.ts";
import { assign, projectOf, requireProject, unassign } from "./projects.ts";
import { stamp } from "./waits.ts";

export interface App {
  readonly id: string;
  /** The five letters in its address. */
  readonly suffix: string;
  readonly spec: AppSpec;
  readonly placement: Placement;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Who is told of which alert, by the alert's id. */
  readonly destinations: Readonly<Record<string, Destinations>>;
  /** Set by a rollback until it is committed or reverted. */
  readonly pinned?: { readonly deployment: string; readonly before: AppSpec };
}

export interface Destinations {
  readonly emails: readonly string[];
  readonly slack_webhooks: readonly { readonly url: string; readonly channel: string }[];
}

export const AppAsk = z.object({ spec: z.unknown(), project_id: z.string().optional() });
export const AppChange = z.object({ spec: z.unknown() });
export const ProposeAsk = z.object({ spec: z.unknown(), app_id: z.string().optional() });

const apps = (cloud: Cloud) => cloud.store.kind<App>("apps");

// ── Create, read, update, delete ────────────────────────────────────────────────────────────────────────────────────

/** Newest first. */
export const listApps = (cloud: Cloud) =>
  apps(cloud)
    .all()
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
    apps(cloud).put(id, app);
    assign(cloud, urnOf(app), ask.project_id);
    deploy(cloud, app, { cause: "app spec created" });
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
    apps(cloud).put(id, changed);
    deploy(cloud, changed, { cause: "app spec updated" });
    return viewApp(cloud, changed);
  });
}

export async function deleteApp(cloud: Cloud, id: string): Promise<void> {
  findApp(cloud, id);
  await cloud.exclusively(`app ${id}`, async () => {
    const app = findApp(cloud, id);
    await cloud.backing.removeApp(id);
    apps(cloud).delete(id);
    forgetDeployments(cloud, id);
    unassign(cloud, urnOf(app));
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
    const size = APP_SIZES.find(({ slug }) => slug === (instance_size_slug ?? "apps-s-1vcpu-0.5gb"));
    return (size?.usdPerMonth ?? 0) * instance_count;
  };
  const paid = componentsOf(spec).filter(({ list }) => list === "services" || list === "workers");
  return {
    app_name_available: available,
    ...(!available && { app_name_suggestion: `${spec.name.slice(0, 30)}-2` }),
    app_is_static: componentsOf(spec).every(({ list }) => list === "static_sites"),
    existing_static_apps: String(
      apps(cloud)
        .all()
        .filter((app) => componentsOf(app.spec).every(({ list }) => list === "static_sites")).length,
    ),
    spec: fillSpec(cloud, spec, app_id ?? newId()),
    app_cost: paid.reduce((sum, { component }) => sum + costOf(component), 0),
  };
}

// ── For the files beside this one ───────────────────────────────────────────────────────────────────────────────────

export function findApp(cloud: Cloud, id: string): App {
  const app = apps(cloud).get(id);
  if (!app) throw notFound("app not found");
  return app;
}

export const findAppNamed = (cloud: Cloud, name: string): App | undefined =>
  apps(cloud)
    .all()
    .find((app) => app.spec.name === name);

export const putApp = (cloud: Cloud, app: App): void => apps(cloud).put(app.id, app);

/** What the program of a component would find in its environment, were it started now. */
export const envOf = (cloud: Cloud, appId: string, component: string, when: "run" | "build" = "run"): Record<string, string> =>
  resolveEnv(cloud, findApp(cloud, appId), component, when);

export const backedApp = ({ id, suffix, spec }: Pick<App, "id" | "suffix" | "spec">): BackedApp => ({
  id,
  name: spec.name,
  suffix,
  services: (spec.services ?? []).map(({ name, http_port, internal_ports }) => ({ name, port: http_port ?? internal_ports?.[0] ?? 8080 })),
});

function refuseTaken(cloud: Cloud, spec: AppSpec, id?: string): void {
  if (nameTaken(cloud, spec.name, id)) throw conflict("app name already exists");
  const others = apps(cloud)
    .all()
    .filter((app) => app.id !== id);
  (spec.domains ?? []).forEach(({ domain }, index) => {
    const holder = others.find((app) => app.spec.domains?.some((other) => other.domain === domain));
    if (holder) throw specMistake(`domains.${index}.domain`, `"${domain}" is in use by app ${holder.spec.name}`);
  });
}

function nameTaken(cloud: Cloud, name: string, id?: string): boolean {
  const holder = findAppNamed(cloud, name);
  return holder !== undefined && holder.id !== id;
}

// ── As the API shows it ─────────────────────────────────────────────────────────────────────────────────────────────

const urnOf = ({ id }: Pick<App, "id">): string => `do:app:${id}`;

export function viewApp(cloud: Cloud, app: App) {
  const active = activeDeployment(cloud, app.id);
  const latest = latestDeployment(cloud, app.id);
  const running = latest && inProgress(cloud, latest) ? latest : undefined;
  const show = (deployment: Deployment | undefined) => deployment && viewDeployment(cloud, deployment);
  const region = APP_REGIONS.find(({ slug }) => slug === app.spec.region)!;
  const url = publicUrl(app.spec, app.placement);
  const tier = tierOf(app.spec);
  return {
    id: app.id,
    owner_uuid: cloud.account.uuid,
    spec: app.spec,
    region,
    tier_slug: tier,
    project_id: projectOf(cloud, urnOf(app)),
    created_at: stamp(app.createdAt),
    updated_at: stamp(app.updatedAt),
    ...(latest && { last_deployment_created_at: stamp(latest.since) }),
    ...(active && {
      active_deployment: show(active),
      default_ingress: app.placement.url,
      live_url: url,
      live_url_base: url,
      live_domain: new URL(url).host,
    }),
    ...(running && phaseOf(cloud, running) === "PENDING_BUILD" && { pending_deployment: show(running) }),
    ...(running && phaseOf(cloud, running) !== "PENDING_BUILD" && { in_progress_deployment: show(running) }),
    ...(app.pinned && { pinned_deployment: { id: app.pinned.deployment } }),
    ...(app.spec.domains && {
      domains: app.spec.domains.map((spec) => ({ id: newDomainId(app, spec.domain), spec, phase: active ? "ACTIVE" : "PENDING" })),
    }),
    ...(app.spec.egress?.type === "DEDICATED_IP" && {
      dedicated_ips: [1, 2].map((n) => ({ ip: `192.0.2.${n}`, id: `${app.id.slice(0, -1)}${n}`, status: "ASSIGNED" })),
    }),
    ...(app.spec.vpc?.id && { vpc: { id: app.spec.vpc.id, egress_ips: [{ ip: "10.0.0.1" }] } }),
  };
}

/** The same for the same domain, without a record of its own. */
const newDomainId = (app: App, domain: string): string =>
  `${app.id.slice(0, 24)}${Buffer.from(domain).toString("hex").slice(0, 12).padEnd(12, "0")}`;

export const tierOf = (spec: AppSpec): string =>
  componentsOf(spec).every(
    ({ list, component }) => list === "static_sites" || APP_SIZES.find(({ slug }) => slug === component.instance_size_slug)?.singleInstance,
  )
    ? "basic"
    : "professional";

export const viewAppSize = ({ slug, cpus, memoryGib, usdPerMonth, bandwidthGib, dedicated, singleInstance }: AppSize) => ({
  slug,
  name: `${dedicated ? "Dedicated" : "Shared"} ${cpus}VCPU ${memoryGib}GB${slug.endsWith("-fixed") ? " Fixed" : ""}`,
  cpu_type: dedicated ? "DEDICATED" : "SHARED",
  cpus: String(cpus),
  memory_bytes: String(memoryGib * 2 ** 30),
  usd_per_month: usdPerMonth.toFixed(2),
  usd_per_second: (usdPerMonth / (28 * 86_400)).toFixed(12),
  tier_slug: singleInstance ? "basic" : "professional",
  bandwidth_allowance_gib: String(bandwidthGib),
  ...(singleInstance && { single_instance_only: true }),
  ...(dedicated && { scalable: true }),
});

export function readAppSize(slug: string) {
  const size = APP_SIZES.find((size) => size.slug === slug);
  if (!size) throw notFound("instance size not found");
  return viewAppSize(size);
}

export function viewInstances(cloud: Cloud, id: string) {
  const active = activeDeployment(cloud, findApp(cloud, id).id);
  const running = active ? componentsOf(active.spec).filter(({ list }) => list === "services" || list === "workers") : [];
  return running.flatMap(({ list, component: { name, instance_count = 1 } }) =>
    Array.from({ length: instance_count }, (_, index) => ({
      component_name: name,
      component_type: list === "services" ? "SERVICE" : "WORKER",
      instance_name: `${name}-${id.slice(0, 8)}-${index}`,
      instance_alias: `${name}-${index}`,
    })),
  );
}

export const viewHealth = (cloud: Cloud, id: string) => {
  const instances = viewInstances(cloud, id);
  const names = [...new Set(instances.map(({ component_name }) => component_name))];
  return {
    components: names.map((name) => {
      const replicas = instances.filter(({ component_name }) => component_name === name).length;
      return {
        name,
        cpu_usage_percent: 1,
        memory_usage_percent: 10,
        replicas_desired: replicas,
        replicas_ready: replicas,
        state: "HEALTHY",
      };
    }),
  };
};

export function setDestinations(cloud: Cloud, id: string, alertId: string, destinations: Destinations) {
  const app = findApp(cloud, id);
  if (!alertsOf(app).some((alert) => alert.id === alertId)) throw notFound("alert not found");
  for (const email of destinations.emails)
    if (!z.email().safeParse(email).success) throw unprocessable(`"${email}" is not an email address`);
  const changed = { ...app, destinations: { ...app.destinations, [alertId]: destinations } };
  putApp(cloud, changed);
  return alertsOf(changed).find((alert) => alert.id === alertId)!;
}
