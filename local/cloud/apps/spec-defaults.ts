import { findAppRegion } from "../../../catalog/regions.ts";
import type { Cloud } from "../core/cloud.ts";
import { isEncrypted } from "../store/secret-cipher.ts";
import { type AppSpec, componentsOf, type EnvSpec, mapEnvs, type ServiceSpec } from "./spec.ts";

/**
 * Returns the spec as App Platform stores it: defaults for region, port, scope, job kind and ingress, and encrypted secrets. Instance size and
 * count get no defaults: the Terraform provider's acceptance tests omit both and expect no difference.
 */
export function applySpecDefaults(cloud: Cloud, spec: AppSpec, appId: string): AppSpec {
  const withDefaults: AppSpec = {
    ...spec,
    region: findAppRegion(spec.region ?? "nyc")?.slug ?? "nyc",
    ...(spec.services && { services: spec.services.map(withDefaultPort) }),
    ...(spec.jobs && {
      jobs: spec.jobs.map((job) => ({ ...job, kind: job.kind === "UNSPECIFIED" || !job.kind ? "POST_DEPLOY" : job.kind })),
    }),
    ...(spec.domains && { domains: spec.domains.map((domain) => ({ ...domain, type: domain.type ?? "ALIAS" })) }),
  };
  const encrypted = mapEnvs(withDefaults, (envs) => envs.map((env) => applyEnvDefaults(cloud, env, appId)));
  return withDefaultIngress(encryptCredentials(cloud, encrypted, appId));
}

const withDefaultPort = (service: ServiceSpec): ServiceSpec =>
  service.http_port || service.internal_ports?.length ? service : { ...service, http_port: 8080 };

function applyEnvDefaults(cloud: Cloud, env: EnvSpec, appId: string): EnvSpec {
  const { type, value = "", ...rest } = env;
  const scope = !env.scope || env.scope === "UNSET" ? ("RUN_AND_BUILD_TIME" as const) : env.scope;
  if (type === "SECRET") return { ...rest, scope, type, value: isEncrypted(value) ? value : cloud.secrets.encrypt(appId, value) };
  return { ...rest, scope, value, ...(type === "GENERAL" && cloud.echoGeneralType && { type }) };
}

function encryptCredentials(cloud: Cloud, spec: AppSpec, appId: string): AppSpec {
  const encrypted = <T extends { image?: ServiceSpec["image"] }>(component: T): T => {
    const credentials = component.image?.registry_credentials;
    if (!component.image || !credentials || isEncrypted(credentials)) return component;
    return { ...component, image: { ...component.image, registry_credentials: cloud.secrets.encrypt(appId, credentials) } };
  };
  return {
    ...spec,
    ...(spec.services && { services: spec.services.map(encrypted) }),
    ...(spec.workers && { workers: spec.workers.map(encrypted) }),
    ...(spec.jobs && { jobs: spec.jobs.map(encrypted) }),
  };
}

/**
 * Without an ingress, the first routable component gets "/" and the others "/<name>", unless they have the deprecated `routes`. If two
 * components declare the same route, the first gets it.
 */
function withDefaultIngress(spec: AppSpec): AppSpec {
  if (spec.ingress?.rules?.length) return spec;
  const routed = new Set<string>();
  const rules = componentsOf(spec)
    .filter(({ list, component }) => list === "static_sites" || list === "functions" || (list === "services" && component.http_port))
    .flatMap(({ component }, index) => {
      const routes = component.routes?.length ? component.routes : [{ path: index === 0 ? "/" : `/${component.name}` }];
      return routes
        .filter(({ path = "/" }) => !routed.has(path) && routed.add(path))
        .map(({ path = "/", preserve_path_prefix }) => ({
          match: { path: { prefix: path } },
          component: { name: component.name, ...(preserve_path_prefix && { preserve_path_prefix }) },
          ...(component.cors && { cors: component.cors }),
        }));
    });
  // Always set an ingress: the Terraform provider's `ingress {}` would otherwise be a permanent difference.
  return { ...spec, ingress: { ...spec.ingress, ...(rules.length > 0 && { rules }) } };
}
