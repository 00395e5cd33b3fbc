import type { Cloud } from "../core/cloud.ts";
import { isEncrypted } from "../store/secret-cipher.ts";
import { findAppRegion } from "./regions-and-sizes.ts";
import type { AppSpec, EnvSpec, ServiceSpec } from "./spec.ts";
import { componentsOf, mapEnvs } from "./spec.ts";

/**
 * A spec as App Platform keeps it: region by its own name, port, scope, job kind and ingress written out where they were left out, secret values sealed.
 * The number and the size of instances are not: the Terraform provider's acceptance tests, which leave both out, see no difference after it.
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
 * The first routable component answers at "/", every other one at its name; `routes` of old decide where they are given. A route that two
 * components name is that of the first.
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
  // An app without a route has an empty ingress: `ingress {}` of the Terraform provider would otherwise differ for ever.
  return { ...spec, ingress: { ...spec.ingress, ...(rules.length > 0 && { rules }) } };
}
