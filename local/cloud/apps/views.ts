import { findInstance, type InstanceSize } from "../../../catalog/instances.ts";
import { instancePrice } from "../../../catalog/prices.ts";
import { projectOf } from "../account/projects.ts";
import { orNotFound } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { nameId } from "../core/ids.ts";
import { formatTimestamp } from "../core/time.ts";
import { type App, findApp, urnOf } from "./app.ts";
import { publicUrl } from "./bindables.ts";
import { activeDeployment, type Deployment, isInProgress, latestDeployment, phaseOf } from "./deployment.ts";
import { tierOf, viewDeployment } from "./deployments.ts";
import { APP_REGION_VIEWS } from "./regions.ts";
import { componentsOf } from "./spec.ts";

export function viewApp(cloud: Cloud, app: App) {
  const active = activeDeployment(cloud, app.id);
  const latest = latestDeployment(cloud, app.id);
  const running = latest && isInProgress(cloud, latest) ? latest : undefined;
  const show = (deployment: Deployment | undefined) => deployment && viewDeployment(cloud, deployment);
  const region = APP_REGION_VIEWS.find(({ slug }) => slug === app.spec.region)!;
  const url = publicUrl(app.spec, app.placement);
  const tier = tierOf(app.spec);
  return {
    id: app.id,
    owner_uuid: cloud.account.uuid,
    spec: app.spec,
    region,
    tier_slug: tier,
    project_id: projectOf(cloud, urnOf(app)),
    created_at: formatTimestamp(app.createdAt),
    updated_at: formatTimestamp(app.updatedAt),
    ...(latest && { last_deployment_created_at: formatTimestamp(latest.since) }),
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
      domains: app.spec.domains.map((spec) => ({ id: nameId(`${app.id} ${spec.domain}`), spec, phase: active ? "ACTIVE" : "PENDING" })),
    }),
    ...(app.spec.egress?.type === "DEDICATED_IP" && {
      dedicated_ips: [1, 2].map((n) => ({ ip: `192.0.2.${n}`, id: `${app.id.slice(0, -1)}${n}`, status: "ASSIGNED" })),
    }),
    ...(app.spec.vpc?.id && { vpc: { id: app.spec.vpc.id, egress_ips: [{ ip: "10.0.0.1" }] } }),
  };
}

export function viewAppSize({ slug, cpu, cpus, memoryMiB, bandwidthGiB, single, autoscaling }: InstanceSize) {
  const usdPerMonth = instancePrice(slug)!;
  return {
    slug,
    name: `${cpu === "dedicated" ? "Dedicated" : "Shared"} ${cpus}VCPU ${memoryMiB / 1024}GB${slug.endsWith("-fixed") ? " Fixed" : ""}`,
    cpu_type: cpu.toUpperCase(),
    cpus: String(cpus),
    memory_bytes: String(memoryMiB * 2 ** 20),
    usd_per_month: usdPerMonth.toFixed(2),
    usd_per_second: (usdPerMonth / (28 * 86_400)).toFixed(12),
    tier_slug: single ? "basic" : "professional",
    bandwidth_allowance_gib: String(bandwidthGiB),
    ...(single && { single_instance_only: true }),
    ...(autoscaling && { scalable: true }),
  };
}

export function readAppSize(slug: string) {
  return viewAppSize(orNotFound(findInstance(slug), "instance size not found"));
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
