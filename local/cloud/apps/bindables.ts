import { createHash } from "node:crypto";
import type { Endpoint, Placement } from "../backing.ts";
import type { Cloud } from "../core/cloud.ts";
import { findClusterNamed } from "../databases/cluster.ts";
import { connection, loginOf, viewPool } from "../databases/connections.ts";
import { findDevelopmentDatabase, isDevelopment } from "./development-databases.ts";
import { type AppSpec, type Component, componentsOf, type DatabaseSpec, type EnvSpec, envListsOf } from "./spec.ts";
import { isUnsupportedEngine, unsupportedEngineVariables } from "./unsupported-engines.ts";

/** Resolves references such as `${db.DATABASE_URL}` like App Platform: a reference without a value stays unchanged. */
export interface PlacedApp {
  readonly id: string;
  readonly spec: AppSpec;
  readonly placement: Placement;
}

interface Bindable {
  /** The reference with its braces. */
  readonly text: string;
  /** A component, a database, or `_self`; empty for `${APP_URL}` and for references to other variables. */
  readonly owner: string;
  /** The pool in `${db.pool.DATABASE_URL}`. */
  readonly pool: string;
  readonly variable: string;
}

const BINDABLE = /\$\{(?:([a-z_][a-z0-9_-]*)\.)?(?:([A-Za-z0-9_-]+)\.)?([A-Z_][A-Z0-9_]*)\}/g;

export const bindablesIn = (value: string): Bindable[] =>
  [...value.matchAll(BINDABLE)].map(([text, owner = "", pool = "", variable = ""]) => ({ text, owner, pool, variable }));

/** Finds references to components and databases that the spec does not declare. The component gets their text unchanged. */
export function danglingReferences(spec: AppSpec): { readonly field: string; readonly key: string; readonly text: string }[] {
  const names = [...componentsOf(spec).map(({ component }) => component.name), ...(spec.databases ?? []).map(({ name }) => name)];
  const owners = new Set(["_self", ...names]);
  return envListsOf(spec).flatMap(({ field, envs }) =>
    envs.flatMap(({ key, value = "" }) =>
      bindablesIn(value).flatMap(({ owner, text }) => (owner && !owners.has(owner) ? [{ field, key, text }] : [])),
    ),
  );
}

/** Resolves the environment of a component: secrets decrypted, references replaced. */
export function resolveEnv(cloud: Cloud, app: PlacedApp, name: string, when: "run" | "build" = "run"): Record<string, string> {
  const component = componentsOf(app.spec).find(({ component }) => component.name === name)?.component;
  if (!component) throw new Error(`app ${app.spec.name} has no component "${name}"`);
  const open = ({ type, value = "" }: EnvSpec) => (type === "SECRET" ? (cloud.secrets.decrypt(app.id, value) ?? value) : value);
  const inherited = [...(app.spec.envs ?? []), ...(component.envs ?? [])].filter(({ scope }) => inScope(scope, when));
  const literals = Object.fromEntries(inherited.map((env) => [env.key, open(env)]));
  const value = (bindable: Bindable) =>
    resolveBindable(cloud, app, component, bindable, when) ?? (bindable.owner ? undefined : literalValue(literals[bindable.variable]));
  const resolved = Object.entries(literals).map(([key, text]) => [
    key,
    bindablesIn(text).reduce((result, bindable) => result.replaceAll(bindable.text, () => value(bindable) ?? bindable.text), text),
  ]);
  const port = when === "run" && component.http_port ? { PORT: String(component.http_port) } : {};
  return { ...port, ...Object.fromEntries(resolved) };
}

const inScope = (scope: EnvSpec["scope"], when: "run" | "build"): boolean =>
  scope === undefined || scope === "UNSET" || scope === "RUN_AND_BUILD_TIME" || scope === (when === "run" ? "RUN_TIME" : "BUILD_TIME");

/** A reference to a variable of the same component resolves only if that value has no references itself. */
const literalValue = (value: string | undefined) => (value !== undefined && bindablesIn(value).length === 0 ? value : undefined);

function resolveBindable(
  cloud: Cloud,
  app: PlacedApp,
  self: Component,
  { owner, pool, variable }: Bindable,
  when: "run" | "build",
): string | undefined {
  if (!owner) return appVariables(app)[variable];
  const database = app.spec.databases?.find(({ name }) => name === owner);
  if (database) return when === "run" ? databaseVariables(cloud, app.id, database, pool)?.[variable] : undefined;
  const component = owner === "_self" ? self : componentsOf(app.spec).find(({ component }) => component.name === owner)?.component;
  return component && componentVariables(app, component, when)[variable];
}

const appVariables = ({ id, spec, placement }: PlacedApp): Record<string, string> => {
  const url = publicUrl(spec, placement);
  return { APP_ID: id, APP_URL: url, APP_DOMAIN: new URL(url).host };
};

/** The PRIMARY domain, else the app's default address. */
export function publicUrl(spec: AppSpec, placement: Placement): string {
  const primary = spec.domains?.find(({ type }) => type === "PRIMARY");
  return primary ? `https://${primary.domain}` : placement.url;
}

function databaseVariables(cloud: Cloud, appId: string, database: DatabaseSpec, poolName: string): Record<string, string> | undefined {
  if (isUnsupportedEngine(database)) return unsupportedEngineVariables(database);
  if (isDevelopment(database)) return developmentVariables(cloud, appId, database, poolName);
  const cluster = findClusterNamed(cloud, database.cluster_name ?? "");
  if (!cluster) return undefined;
  const { endpoint, admin, engine } = cluster;
  const pool = cluster.pools.find(({ name }) => name === poolName);
  if (poolName && !pool) return undefined;
  const to = pool
    ? viewPool(cluster, pool).connection
    : connection(
        cluster,
        endpoint.host,
        endpoint.port,
        engine === "pg" ? database.db_name || "defaultdb" : "",
        loginOf(cluster, database.db_user || admin.name),
      );
  return connectionVariables(to, endpoint);
}

/** A development database has no pools. */
function developmentVariables(cloud: Cloud, appId: string, { name }: DatabaseSpec, pool: string): Record<string, string> | undefined {
  const found = findDevelopmentDatabase(cloud, appId, name);
  if (!found || pool) return undefined;
  return connectionVariables(connection(found, found.endpoint.host, found.endpoint.port, found.database, found), found.endpoint);
}

const connectionVariables = ({ uri, host, port, user, password, database }: ReturnType<typeof connection>, { ca }: Endpoint) => ({
  DATABASE_URL: uri,
  HOSTNAME: host,
  PORT: String(port),
  USERNAME: user,
  PASSWORD: password,
  DATABASE: database,
  CA_CERT: ca,
});

function componentVariables(app: PlacedApp, component: Component, when: "run" | "build"): Record<string, string> {
  const path = app.spec.ingress?.rules?.find((rule) => rule.component?.name === component.name)?.match?.path?.prefix;
  const address = app.placement.services[component.name];
  return {
    COMMIT_HASH: commitOf(component),
    ...(path !== undefined && {
      PUBLIC_URL: `${publicUrl(app.spec, app.placement)}${path === "/" ? "" : path}`,
      PUBLIC_ROUTE_PATH: path,
    }),
    ...(address &&
      when === "run" && {
        PRIVATE_DOMAIN: address.host,
        PRIVATE_PORT: String(address.port),
        PRIVATE_URL: `http://${address.host}:${address.port}`,
      }),
  };
}

/** Returns a commit hash derived from repository and branch; no repository is cloned. */
export function commitOf({ git, github, gitlab, bitbucket }: Component): string {
  const source = github ?? gitlab ?? bitbucket;
  return createHash("sha1")
    .update(git ? `${git.repo_clone_url}#${git.branch}` : `${source?.repo}#${source?.branch}`)
    .digest("hex");
}
