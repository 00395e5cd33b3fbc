import { findInstance, instanceSlugs, isLegacyInstance } from "../../../catalog/instances.ts";
import { APP_REGIONS, findAppRegion } from "../../../catalog/regions.ts";
import type { Cloud } from "../core/cloud.ts";
import { findClusterNamed, usersOf } from "../databases/cluster.ts";
import type { Vpc } from "../network/vpcs.ts";
import { isEncrypted } from "../store/secret-cipher.ts";
import { engineOf, isDevelopment } from "./development-databases.ts";
import { type AppSpec, type Component, componentsOf, envListsOf, specError } from "./spec.ts";
import { isUnsupportedEngine } from "./unsupported-engines.ts";

/** Rejects what App Platform rejects before a build. `appId` is undefined while the app is being created. */
export function checkSpec(cloud: Cloud, spec: AppSpec, appId?: string): void {
  checkRegion(cloud, spec);
  checkNames(spec);
  for (const { field, component } of componentsOf(spec)) checkComponent(field, component);
  checkEnvs(cloud, spec, appId);
  checkDatabases(cloud, spec);
  checkDomains(spec);
  checkIngress(spec);
}

function checkRegion(cloud: Cloud, { region = "nyc", vpc }: AppSpec): void {
  const appRegion = findAppRegion(region);
  if (!appRegion)
    throw specError(
      "region",
      `"${region}" is not an App Platform region: must be one of ${APP_REGIONS.map(({ slug }) => slug).join(", ")}`,
    );
  if (!vpc?.id) return;
  const network = cloud.store.collection<Vpc>("vpcs").get(vpc.id);
  if (!network) throw specError("vpc.id", `VPC ${vpc.id} not found`);
  if (!appRegion.dataCenters.includes(network.region)) {
    throw specError(
      "vpc.id",
      `VPC ${network.name} is in ${network.region}, an app in ${appRegion.slug} can use one in ${appRegion.dataCenters.join(" or ")}`,
    );
  }
}

function checkNames(spec: AppSpec): void {
  const named = [
    ...componentsOf(spec).map(({ field, component }) => ({ field, name: component.name })),
    ...(spec.databases ?? []).map(({ name }, index) => ({ field: `databases.${index}`, name })),
  ];
  const seen = new Set<string>();
  for (const { field, name } of named) {
    if (seen.has(name)) throw specError(`${field}.name`, `component name "${name}" is used more than once`);
    seen.add(name);
  }
}

const SOURCES = ["git", "github", "gitlab", "bitbucket", "image"] as const;

function checkComponent(field: string, component: Component): void {
  // A component without a source is accepted: nothing is built here.
  const sources = SOURCES.filter((source) => component[source]);
  if (sources.length > 1) throw specError(field, `must have one source of ${SOURCES.join(", ")}, not ${sources.join(" and ")}`);
  if (component.image?.tag && component.image.digest) throw specError(`${field}.image`, "tag and digest exclude each other");

  const slug = component.instance_size_slug;
  const size = slug === undefined ? undefined : findInstance(slug);
  if (slug && !size && !isLegacyInstance(slug)) {
    throw specError(`${field}.instance_size_slug`, `"${slug}" is not an instance size: must be one of ${instanceSlugs().join(", ")}`);
  }
  if (size?.single && (component.instance_count ?? 1) > 1)
    throw specError(`${field}.instance_count`, `${slug} cannot have more than one instance`);
  if (component.autoscaling) {
    const { min_instance_count: min = 1, max_instance_count: max = 1 } = component.autoscaling;
    if (!size?.autoscaling) throw specError(`${field}.autoscaling`, "is only available for dedicated CPU instance sizes (apps-d-…)");
    if (min > max) throw specError(`${field}.autoscaling`, "min_instance_count must not exceed max_instance_count");
  }
  if (component.kind === "SCHEDULED" && !component.schedule) throw specError(`${field}.schedule`, "is required for a SCHEDULED job");
}

function checkEnvs(cloud: Cloud, spec: AppSpec, appId: string | undefined): void {
  for (const { field, envs } of envListsOf(spec)) {
    for (const { key, type, value = "" } of envs) {
      if (type !== "SECRET" || !isEncrypted(value)) continue;
      if (!appId) throw specError(field, `secret env value of "${key}" must not be encrypted before app is created`);
      if (cloud.secrets.decrypt(appId, value) === undefined)
        throw specError(field, `secret env value of "${key}" was not encrypted for this app`);
    }
  }
}

function checkDatabases(cloud: Cloud, spec: AppSpec): void {
  (spec.databases ?? []).forEach((database, index) => {
    const field = `databases.${index}`;
    // Clusters of unsupported engines cannot exist here, so their names are not checked.
    if (isDevelopment(database) || isUnsupportedEngine(database)) return;
    const cluster = findClusterNamed(cloud, database.cluster_name!);
    if (!cluster) throw specError(`${field}.cluster_name`, `database cluster "${database.cluster_name}" not found`);
    if (database.engine && database.engine !== "UNSET" && engineOf(database) !== cluster.engine)
      throw specError(`${field}.engine`, `cluster ${cluster.name} runs ${cluster.engine}, not ${database.engine}`);
    if (database.db_name && cluster.engine === "pg" && !cluster.databases.includes(database.db_name)) {
      throw specError(`${field}.db_name`, `database "${database.db_name}" not found in cluster ${cluster.name}`);
    }
    if (database.db_user && !usersOf(cluster).some(({ name }) => name === database.db_user)) {
      throw specError(`${field}.db_user`, `user "${database.db_user}" not found in cluster ${cluster.name}`);
    }
  });
}

function checkDomains({ domains = [] }: AppSpec): void {
  const seen = new Set<string>();
  domains.forEach(({ domain }, index) => {
    if (seen.has(domain)) throw specError(`domains.${index}.domain`, `"${domain}" is used more than once`);
    seen.add(domain);
  });
  if (domains.filter(({ type }) => type === "PRIMARY").length > 1) throw specError("domains", "only one domain can be the PRIMARY one");
}

function checkIngress(spec: AppSpec): void {
  const routable = new Set([...(spec.services ?? []), ...(spec.static_sites ?? []), ...(spec.functions ?? [])].map(({ name }) => name));
  const seen = new Set<string>();
  (spec.ingress?.rules ?? []).forEach(({ component, redirect, match }, index) => {
    const field = `ingress.rules.${index}`;
    if (Boolean(component) === Boolean(redirect)) throw specError(field, "must have either a component or a redirect");
    if (component && !routable.has(component.name))
      throw specError(`${field}.component.name`, `"${component.name}" is no service, static site or function`);
    const path = JSON.stringify([match?.path ?? {}, match?.authority ?? {}]);
    if (seen.has(path)) throw specError(`${field}.match`, "the same path is matched by another rule");
    seen.add(path);
  });
}
