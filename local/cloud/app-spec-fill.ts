import { findAppRegion } from "../../catalog/regions.ts";
import type { AppSpec, EnvSpec, ServiceSpec } from "./app-spec.ts";
import { componentsOf, mapEnvs } from "./app-spec.ts";
import type { Cloud } from "./handle.ts";
import { isSealed } from "./seal.ts";

/**
 * A spec as App Platform keeps it: region by its own name, port, scope, job kind and ingress written out where they were left out, secret values sealed.
 * The number and the size of instances are not: the Terraform provider's acceptance tests, which leave both out, see no difference after it.
 */
export function fillSpec(cloud: Cloud, spec: AppSpec, appId: string): AppSpec {
  const filled: AppSpec = {
    ...spec,
    region: findAppRegion(spec.region ?? "nyc")?.slug ?? "nyc",
    ...(spec.services && { services: spec.services.map(withPort) }),
    ...(spec.jobs && {
      jobs: spec.jobs.map((job) => ({ ...job, kind: job.kind === "UNSPECIFIED" || !job.kind ? "POST_DEPLOY" : job.kind })),
    }),
    ...(spec.domains && { domains: spec.domains.map((domain) => ({ ...domain, type: domain.type ?? "ALIAS" })) }),
  };
  const sealed = mapEnvs(filled, (envs) => envs.map((env) => fillEnv(cloud, env, appId)));
  return withIngress(sealCredentials(cloud, sealed, appId));
}

const withPort = (service: ServiceSpec): ServiceSpec =>
  service.http_port || service.internal_ports?.length ? service : { ...service, http_port: 8080 };

function fillEnv(cloud: Cloud, env: EnvSpec, appId: string): EnvSpec {
  const { type, value = "", ...rest } = env;
  const scope = !env.scope || env.scope === "UNSET" ? ("RUN_AND_BUILD_TIME" as const) : env.scope;
  if (type === "SECRET") return { ...rest, scope, type, value: isSealed(value) ? value : cloud.seal.seal(appId, value) };
  return { ...rest, scope, value, ...(type === "GENERAL" && cloud.echoGeneralType && { type }) };
}

function sealCredentials(cloud: Cloud, spec: AppSpec, appId: string): AppSpec {
  const sealed = <T extends { image?: ServiceSpec["image"] }>(component: T): T => {
    const credentials = component.image?.registry_credentials;
    if (!component.image || !credentials || isSealed(credentials)) return component;
    return { ...component, image: { ...component.image, registry_credentials: cloud.seal.seal(appId, credentials) } };
  };
  return {
    ...spec,
    ...(spec.services && { services: spec.services.map(sealed) }),
    ...(spec.workers && { workers: spec.workers.map(sealed) }),
    ...(spec.jobs && { jobs: spec.jobs.map(sealed) }),
  };
}

/**
 * The first routable component answers at "/", every other one at its name; `routes` of old decide where they are given. A route that two
 * components name is that of the first.
 */
function withIngress(spec: AppSpec): AppSpec {
  if (spec.ingress?.rules?.length) return spec;
  const taken = new Set<string>();
  const rules = componentsOf(spec)
    .filter(({ list, component }) => list === "static_sites" || list === "functions" || (list === "services" && component.http_port))
    .flatMap(({ component }, index) => {
      const routes = component.routes?.length ? component.routes : [{ path: index === 0 ? "/" : `/${component.name}` }];
      return routes
        .filter(({ path = "/" }) => !taken.has(path) && taken.add(path))
        .map(({ path = "/", preserve_path_prefix }) => ({
          match: { path: { prefix: path } },
          component: { name: component.name, ...(preserve_path_prefix && { preserve_path_prefix }) },
          ...(component.cors && { cors: component.cors }),
        }));
    });
  // An app without a route has an empty ingress: `ingress {}` of the Terraform provider would otherwise differ for ever.
  return { ...spec, ingress: { ...spec.ingress, ...(rules.length > 0 && { rules }) } };
}
