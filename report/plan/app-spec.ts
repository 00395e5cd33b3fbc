/** The variables of every app of a plan, with the secrets that each brings to its component: in its value, or by a bindable reference. */
import { type Plan, type PlannedResource, Secret, type Value } from "../../engine/plan.ts";

export const APP = "digitalocean:index/app:App";
const CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster";
const USER = "digitalocean:index/databaseUser:DatabaseUser";
/** DigitalOcean's administrator, and whom an app connects as where it names nobody. */
export const ADMIN = "doadmin";

export interface Variable {
  readonly resource: PlannedResource;
  /** The app's name at DigitalOcean. */
  readonly app: string;
  readonly component: string;
  /** service, worker, job, staticSite, function */
  readonly kind: string;
  readonly key: string;
  /** As a plan's places are called. */
  readonly path: string;
  readonly text: string;
  readonly sealed: boolean;
  readonly scope: string;
  readonly type: string;
  readonly references: readonly Reference[];
}

/** `${db.PASSWORD}`: App Platform puts a login there when a container starts. */
export interface Reference {
  readonly alias: string;
  readonly part: string;
  readonly login?: Login;
}

export interface Login {
  /** Of the user, or of the cluster for its administrator. */
  readonly urn?: string;
  readonly user: string;
  readonly engine: string;
}

const KINDS = { services: "service", workers: "worker", jobs: "job", staticSites: "staticSite", functions: "function" } as const;
/** The parts of a bindable reference that hold a password. */
const SECRET_PARTS = /^(PASSWORD|DATABASE_URL|DATABASE_PRIVATE_URL|JDBC_DATABASE_URL|CONNECTION_URL|URL|PRIVATE_URL)$/;

export const holdsLogin = ({ part, login }: Reference): boolean => login !== undefined && SECRET_PARTS.test(part);

export function variablesOf(plan: Plan): readonly Variable[] {
  return plan.resources.filter(({ type }) => type === APP).flatMap((resource) => appVariables(plan, resource));
}

function appVariables(plan: Plan, resource: PlannedResource): Variable[] {
  const [spec, sealed] = opened(resource.inputs.spec);
  const app = String(field(spec, "name") ?? resource.name);
  const logins = loginsOf(plan, spec);
  const own = envs(spec, sealed, { component: "", kind: "app", path: "spec" });
  const components = Object.entries(KINDS).flatMap(([list, kind]) =>
    items(field(spec, list)).flatMap((item) => {
      const component = String(field(item, "name") ?? "?");
      return envs(item, sealed, { component, kind, path: `spec.${list.replace(/s$/, "")} ${component}` });
    }),
  );
  return [...own, ...components].map((one) => ({
    ...one,
    resource,
    app,
    references: referencesIn(one.text).map(({ alias, part }) => {
      const login = logins.get(alias);
      return { alias, part, ...(login && { login }) };
    }),
  }));
}

function envs(holder: Value, whole: boolean, at: Pick<Variable, "component" | "kind" | "path">) {
  return items(field(holder, "envs")).map((env) => {
    const key = String(field(env, "key") ?? "?");
    const [value, sealed] = opened((env as Readonly<Record<string, Value>>).value);
    return {
      ...at,
      key,
      path: `${at.path}.env ${key}`,
      text: typeof value === "string" ? value : "",
      sealed: whole || sealed,
      scope: String(field(env, "scope") ?? "RUN_AND_BUILD_TIME"),
      type: String(field(env, "type") ?? "GENERAL"),
    };
  });
}

export interface AppDatabase {
  readonly alias: string;
  readonly user: string;
  readonly engine: string;
}

export function databasesOf(resource: PlannedResource): readonly AppDatabase[] {
  const [spec] = opened(resource.inputs.spec);
  return items(field(spec, "databases")).map((database) => {
    const engine = String(field(database, "engine") ?? "PG");
    const user = field(database, "dbUser") ?? (engine === "PG" ? ADMIN : "default");
    return { alias: String(field(database, "name") ?? "?"), user: String(user), engine };
  });
}

function loginsOf(plan: Plan, spec: Value): ReadonlyMap<string, Login> {
  return new Map(
    items(field(spec, "databases")).map((database): [string, Login] => {
      const engine = String(field(database, "engine") ?? "PG");
      const cluster = clusterNamed(plan, field(database, "clusterName"));
      const user = String(field(database, "dbUser") ?? (engine === "PG" ? ADMIN : "default"));
      const owner = engine === "PG" && user !== ADMIN ? userOf(plan, cluster, user) : cluster;
      return [String(field(database, "name") ?? "?"), { user, engine, ...(owner && { urn: owner.urn }) }];
    }),
  );
}

function clusterNamed(plan: Plan, name: Value | undefined): PlannedResource | undefined {
  return plan.resources.find((resource) => resource.type === CLUSTER && (field(resource.inputs, "name") ?? resource.name) === name);
}

/** Of users with the same name, the one whose cluster this is. */
function userOf(plan: Plan, cluster: PlannedResource | undefined, name: string): PlannedResource | undefined {
  const users = plan.resources.filter(({ type, inputs }) => type === USER && field(inputs, "name") === name);
  return users.find(({ dependencies }) => cluster !== undefined && dependencies.includes(cluster.urn)) ?? users[0];
}

function referencesIn(text: string): { alias: string; part: string }[] {
  return [...text.matchAll(/\$\{([\w-]+)\.([A-Z_]+)\}/g)].map(([, alias = "", part = ""]) => ({ alias, part }));
}

/** The value without its mark, and whether it had one. */
export function opened(value: Value | undefined): [value: Value, sealed: boolean] {
  return value instanceof Secret ? [opened(value.value)[0], true] : [value ?? null, false];
}

export function field(value: Value | undefined, name: string): Value | undefined {
  const [inside] = opened(value);
  if (inside === null || typeof inside !== "object" || !Object.hasOwn(inside, name)) return undefined;
  return opened((inside as Readonly<Record<string, Value>>)[name])[0];
}

export function items(value: Value | undefined): readonly Value[] {
  const [list] = opened(value);
  return Array.isArray(list) ? list.map((item) => opened(item)[0]) : [];
}
