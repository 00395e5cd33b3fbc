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
    description: "Every variable says who reads it and when: a type, and a scope that is not the default of both.",
    type: APP,
    check({ spec }, report) {
      for (const { env, path } of envs(spec))
        if (env.scope === undefined) report(`${path}.scope is missing: the default shows it to builds, too.`);
    },
  }),
  policy({
    name: "app-secret-encrypted",
    description: "What is called a secret is one: of type SECRET, and at run time only.",
    type: APP,
    check({ spec }, report) {
      for (const { env, path } of envs(spec)) {
        const secret = env.type === "SECRET";
        if (!secret && namesSecret(String(env.key)) && !REFERENCE.test(String(env.value)))
          report(`${path}.type is not SECRET: its value stands readable in the app's spec.`);
        if (secret && env.scope !== "RUN_TIME") report(`${path}.scope is not RUN_TIME: a build keeps its variables in layers and logs.`);
      }
    },
  }),
  policy({
    name: "app-connection-referred",
    description: "An app refers to its databases; no login is copied into a variable.",
    type: APP,
    check({ spec }, report) {
      for (const { env, path } of envs(spec)) {
        const value = String(env.value);
        if (isDatabaseLogin(value) && !REFERENCE.test(value))
          report(`${path}.value holds a login: refer to the database (\${db.DATABASE_URL}), so that a new password reaches the app.`);
      }
    },
  }),
  policy({
    name: "app-service-healthy",
    description: "Every service has a health check, so that a broken release does not take over.",
    type: APP,
    check({ spec }, report) {
      for (const [index, service] of list(spec?.services).entries())
        if (!service.healthCheck?.httpPath) report(`spec.services[${index}] (${service.name}) has no healthCheck.httpPath.`);
    },
  }),
  policy({
    name: "app-size-scales",
    description: "A size for one instance runs one instance.",
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
