import type { Policies } from "@pulumi/policy";
import { findInstance } from "../../catalog/instances.ts";
import { isDatabaseLogin, namesSecret } from "../../catalog/secrets.ts";
import { list, type Props, policy } from "./rule.ts";

const APP = "digitalocean:index/app:App";
const KINDS = ["services", "workers", "jobs", "staticSites", "functions"];

/** `${db.DATABASE_URL}`, whole or as a part. */
const REFERENCE = /\$\{[^}]+\}/;

export const appPolicies: Policies = [
  policy({
    name: "app-env-explicit",
    description: "Every variable has a scope, because the default makes it available to builds too.",
    type: APP,
    check({ spec }, report) {
      for (const { env, path } of envs(spec))
        if (env.scope === undefined) report(`${path}.scope is missing: the default makes it available to builds too.`);
    },
  }),
  policy({
    name: "app-secret-encrypted",
    description: "A variable with the name of a secret has type SECRET and scope RUN_TIME.",
    type: APP,
    check({ spec }, report) {
      for (const { env, path } of envs(spec)) {
        const secret = env.type === "SECRET";
        if (!secret && namesSecret(String(env.key)) && !REFERENCE.test(String(env.value)))
          report(`${path}.type is not SECRET: its value is readable in the app's spec.`);
        if (secret && env.scope !== "RUN_TIME") report(`${path}.scope is not RUN_TIME: builds write variables into layers and logs.`);
      }
    },
  }),
  policy({
    name: "app-connection-referred",
    description: "An app references its databases; no variable contains a copied login.",
    type: APP,
    check({ spec }, report) {
      for (const { env, path } of envs(spec)) {
        const value = String(env.value);
        if (isDatabaseLogin(value) && !REFERENCE.test(value))
          report(`${path}.value contains a login: reference the database (\${db.DATABASE_URL}), so that a new password reaches the app.`);
      }
    },
  }),
  policy({
    name: "app-service-healthy",
    description: "Every service has a health check, so that a broken release does not replace a working one.",
    type: APP,
    check({ spec }, report) {
      for (const [index, service] of list(spec?.services).entries())
        if (!service.healthCheck?.httpPath) report(`spec.services[${index}] (${service.name}) has no healthCheck.httpPath.`);
    },
  }),
  policy({
    name: "app-size-scales",
    description: "A size for one instance has one instance.",
    type: APP,
    check({ spec }, report) {
      for (const { component, path } of components(spec)) {
        const several = Number(component.instanceCount ?? 1) > 1 || component.autoscaling !== undefined;
        if (several && findInstance(String(component.instanceSizeSlug))?.single)
          report(`${path}: ${component.instanceSizeSlug} takes one instance only, and DigitalOcean refuses more.`);
      }
    },
  }),
];

function components(spec: Props | undefined): { readonly component: Props; readonly path: string }[] {
  return KINDS.flatMap((kind) =>
    list(spec?.[kind]).map((component, index) => ({ component, path: `spec.${kind}[${index}] (${component.name})` })),
  );
}

function envs(spec: Props | undefined): { readonly env: Props; readonly path: string }[] {
  const own = list(spec?.envs).map((env) => ({ env, path: `spec.envs ${env.key}` }));
  return [
    ...own,
    ...components(spec).flatMap(({ component, path }) => list(component.envs).map((env) => ({ env, path: `${path}.envs ${env.key}` }))),
  ];
}
