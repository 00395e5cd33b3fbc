import { findInstance, instanceSlugs, isLegacyInstance } from "../../catalog/instances.ts";
import { APP_REGIONS, findAppRegion } from "../../catalog/regions.ts";
import { type AppSpec, type Component, componentsOf, envListsOf, specMistake } from "./app-spec.ts";
import { findClusterNamed } from "./cluster.ts";
import { engineOf, isDevelopment } from "./development-databases.ts";
import { runsElsewhere } from "./engines-elsewhere.ts";
import type { Cloud } from "./handle.ts";
import { isSealed } from "./seal.ts";
import type { Vpc } from "./vpcs.ts";

/** What App Platform refuses before it builds anything. `appId` is missing while the app is being created. */
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
  const known = findAppRegion(region);
  if (!known)
    throw specMistake(
      "region",
      `"${region}" is not an App Platform region: must be one of ${APP_REGIONS.map(({ slug }) => slug).join(", ")}`,
    );
  if (!vpc?.id) return;
  const network = cloud.store.kind<Vpc>("vpcs").get(vpc.id);
  if (!network) throw specMistake("vpc.id", `VPC ${vpc.id} not found`);
  if (!known.dataCenters.includes(network.region)) {
    throw specMistake(
      "vpc.id",
      `VPC ${network.name} is in ${network.region}, an app in ${known.slug} can use one in ${known.dataCenters.join(" or ")}`,
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
    if (seen.has(name)) throw specMistake(`${field}.name`, `component name "${name}" is used more than once`);
    seen.add(name);
  }
}

const SOURCES = ["git", "github", "gitlab", "bitbucket", "image"] as const;

function checkComponent(field: string, component: Component): void {
  // Without a source there is nothing to build, and nothing is built here.
  const sources = SOURCES.filter((source) => component[source]);
  if (sources.length > 1) throw specMistake(field, `must have one source of ${SOURCES.join(", ")}, not ${sources.join(" and ")}`);
  if (component.image?.tag && component.image.digest) throw specMistake(`${field}.image`, "tag and digest exclude each other");

  const slug = component.instance_size_slug;
  const size = slug === undefined ? undefined : findInstance(slug);
  if (slug && !size && !isLegacyInstance(slug)) {
    throw specMistake(`${field}.instance_size_slug`, `"${slug}" is not an instance size: must be one of ${instanceSlugs().join(", ")}`);
  }
  if (size?.single && (component.instance_count ?? 1) > 1)
    throw specMistake(`${field}.instance_count`, `${slug} cannot have more than one instance`);
  if (component.autoscaling) {
    const { min_instance_count: least = 1, max_instance_count: most = 1 } = component.autoscaling;
    if (!size?.autoscaling) throw specMistake(`${field}.autoscaling`, "is only available for dedicated CPU instance sizes (apps-d-…)");
    if (least > most) throw specMistake(`${field}.autoscaling`, "min_instance_count must not exceed max_instance_count");
  }
  if (component.kind === "SCHEDULED" && !component.schedule) throw specMistake(`${field}.schedule`, "is required for a SCHEDULED job");
}

function checkEnvs(cloud: Cloud, spec: AppSpec, appId: string | undefined): void {
  for (const { field, envs } of envListsOf(spec)) {
    for (const { key, type, value = "" } of envs) {
      if (type !== "SECRET" || !isSealed(value)) continue;
      if (!appId) throw specMistake(field, `secret env value of "${key}" must not be encrypted before app is created`);
      if (cloud.seal.open(appId, value) === undefined)
        throw specMistake(field, `secret env value of "${key}" was not encrypted for this app`);
    }
  }
}

function checkDatabases(cloud: Cloud, spec: AppSpec): void {
  (spec.databases ?? []).forEach((database, index) => {
    const field = `databases.${index}`;
    // No account here can have a cluster of an engine that does not run here, so its name cannot be checked.
    if (isDevelopment(database) || runsElsewhere(database)) return;
    const cluster = findClusterNamed(cloud, database.cluster_name!);
    if (!cluster) throw specMistake(`${field}.cluster_name`, `database cluster "${database.cluster_name}" not found`);
    if (database.engine && database.engine !== "UNSET" && engineOf(database) !== cluster.engine)
      throw specMistake(`${field}.engine`, `cluster ${cluster.name} runs ${cluster.engine}, not ${database.engine}`);
    if (database.db_name && cluster.engine === "pg" && !cluster.databases.includes(database.db_name)) {
      throw specMistake(`${field}.db_name`, `database "${database.db_name}" not found in cluster ${cluster.name}`);
    }
    const users = [cluster.admin, ...cluster.users];
    if (database.db_user && !users.some(({ name }) => name === database.db_user)) {
      throw specMistake(`${field}.db_user`, `user "${database.db_user}" not found in cluster ${cluster.name}`);
    }
  });
}

function checkDomains({ domains = [] }: AppSpec): void {
  const seen = new Set<string>();
  domains.forEach(({ domain }, index) => {
    if (seen.has(domain)) throw specMistake(`domains.${index}.domain`, `"${domain}" is used more than once`);
    seen.add(domain);
  });
  if (domains.filter(({ type }) => type === "PRIMARY").length > 1) throw specMistake("domains", "only one domain can be the PRIMARY one");
}

function checkIngress(spec: AppSpec): void {
  const routable = new Set([...(spec.services ?? []), ...(spec.static_sites ?? []), ...(spec.functions ?? [])].map(({ name }) => name));
  const seen = new Set<string>();
  (spec.ingress?.rules ?? []).forEach(({ component, redirect, match }, index) => {
    const field = `ingress.rules.${index}`;
    if (Boolean(component) === Boolean(redirect)) throw specMistake(field, "must have either a component or a redirect");
    if (component && !routable.has(component.name))
      throw specMistake(`${field}.component.name`, `"${component.name}" is no service, static site or function`);
    const path = JSON.stringify([match?.path ?? {}, match?.authority ?? {}]);
    if (seen.has(path)) throw specMistake(`${field}.match`, "the same path is matched by another rule");
    seen.add(path);
  });
}
