/** App Platform specs as a plan holds them: components, variables and attached databases. Any value can be marked as a secret, even a whole spec. */
import { type Plan, type PlannedResource, Secret, type Value } from "../../engine/plan.ts";

export const APP = "digitalocean:index/app:App";
const CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster";
const USER = "digitalocean:index/databaseUser:DatabaseUser";
/** DigitalOcean's administrator. An app connects as this user if its spec names none. */
export const ADMIN = "doadmin";

const KINDS = { services: "service", workers: "worker", jobs: "job", staticSites: "site", functions: "function" } as const;

export interface AppComponent {
  readonly list: keyof typeof KINDS;
  readonly kind: (typeof KINDS)[keyof typeof KINDS];
  readonly name: string;
  readonly fields: Value;
}

export interface Variable {
  readonly resource: PlannedResource;
  /** The app's name at DigitalOcean. */
  readonly app: string;
  /** Empty for a variable of the whole app. */
  readonly component: string;
  readonly kind: AppComponent["kind"] | "app";
  readonly key: string;
  /** Its path in the audit: `spec.service api.env LOG_LEVEL`. */
  readonly path: string;
  readonly value: Value;
  /** The value without its secret mark; empty if it is not a string. */
  readonly text: string;
  /** The value, or something around it, is marked as a secret. */
  readonly sealed: boolean;
  readonly scope: string;
  readonly type: string;
  readonly references: readonly Reference[];
}

/** `${db.PASSWORD}`: App Platform inserts the value when a container starts. */
export interface Reference {
  readonly alias: string;
  readonly part: string;
  /** Absent if the app has no database of that alias. */
  readonly login?: Login;
}

export interface AppDatabase {
  readonly alias: string;
  readonly user: string;
  readonly engine: string;
  readonly cluster?: Value;
}

export interface Login extends AppDatabase {
  /** Of the user, or of the cluster for its administrator. */
  readonly urn?: string;
}

const PASSWORD_PARTS = /^(PASSWORD|DATABASE_URL|DATABASE_PRIVATE_URL)$/;
/** Parts that hold a password if the alias is a database. A component has a PRIVATE_URL as well. */
const DATABASE_PARTS = /^(JDBC_DATABASE_URL|CONNECTION_URL|URL|PRIVATE_URL)$/;

export const holdsLogin = ({ part, login }: Reference): boolean =>
  PASSWORD_PARTS.test(part) || (login !== undefined && DATABASE_PARTS.test(part));

export function variablesOf(plan: Pick<Plan, "resources">): readonly Variable[] {
  return plan.resources.filter(({ type }) => type === APP).flatMap((resource) => appVariables(plan, resource));
}

export function componentsOf({ inputs: { spec } }: Pick<PlannedResource, "inputs">): readonly AppComponent[] {
  return Object.entries(KINDS).flatMap(([list, kind]) =>
    items(field(spec, list)).map((fields) => {
      const name = field(fields, "name");
      return { list: list as AppComponent["list"], kind, name: typeof name === "string" ? name : "?", fields };
    }),
  );
}

export function databasesOf({ inputs: { spec } }: Pick<PlannedResource, "inputs">): readonly AppDatabase[] {
  return items(field(spec, "databases")).map((database) => {
    const engine = String(field(database, "engine") ?? "PG");
    const user = String(field(database, "dbUser") ?? (engine === "PG" ? ADMIN : "default"));
    const cluster = field(database, "clusterName");
    return { alias: String(field(database, "name") ?? "?"), user, engine, ...(cluster === undefined ? {} : { cluster }) };
  });
}

function appVariables(plan: Pick<Plan, "resources">, resource: PlannedResource): Variable[] {
  const [spec, sealed] = unwrap(resource.inputs.spec);
  const app = String(field(spec, "name") ?? resource.name);
  const logins = new Map(databasesOf(resource).map((database) => [database.alias, loginOf(plan, database)]));
  const components = componentsOf(resource).flatMap(({ list, kind, name, fields }) =>
    envs(fields, sealed, { component: name, kind, path: `spec.${list.replace(/s$/, "")} ${name}` }),
  );
  return [...envs(spec, sealed, { component: "", kind: "app", path: "spec" }), ...components].map((variable) => ({
    ...variable,
    resource,
    app,
    references: referencesIn(variable.text).map(({ alias, part }) => {
      const login = logins.get(alias);
      return { alias, part, ...(login && { login }) };
    }),
  }));
}

function envs(holder: Value, isWhole: boolean, at: Pick<Variable, "component" | "kind" | "path">) {
  return items(field(holder, "envs")).map((env) => {
    const key = String(field(env, "key") ?? "?");
    const { value = null } = env as Readonly<Record<string, Value>>;
    const [text, sealed] = unwrap(value);
    return {
      ...at,
      key,
      path: `${at.path}.env ${key}`,
      value,
      text: typeof text === "string" ? text : "",
      sealed: isWhole || sealed,
      scope: String(field(env, "scope") ?? "RUN_AND_BUILD_TIME"),
      type: String(field(env, "type") ?? "GENERAL"),
    };
  });
}

function loginOf(plan: Pick<Plan, "resources">, database: AppDatabase): Login {
  const { user, engine, cluster: name } = database;
  const cluster = plan.resources.find(
    (resource) => resource.type === CLUSTER && (field(resource.inputs, "name") ?? resource.name) === name,
  );
  const owner = engine === "PG" && user !== ADMIN ? findUser(plan, cluster, user) : cluster;
  return { ...database, ...(owner && { urn: owner.urn }) };
}

/** Of users with the same name, the one of this cluster; any of them only if the cluster is not one of the program. */
function findUser(plan: Pick<Plan, "resources">, cluster: PlannedResource | undefined, name: string): PlannedResource | undefined {
  const users = plan.resources.filter(({ type, inputs }) => type === USER && field(inputs, "name") === name);
  if (cluster === undefined) return users[0];
  return users.find(({ dependencies, inputs }) => dependencies.includes(cluster.urn) || inputs.clusterId === `${cluster.name}-id`);
}

function referencesIn(text: string): { alias: string; part: string }[] {
  return [...text.matchAll(/\$\{([\w-]+)(?:\.[\w-]+)?\.([A-Z_]+)\}/g)].map(([, alias = "", part = ""]) => ({ alias, part }));
}

/** The value without its secret mark, and whether it had one. */
export function unwrap(value: Value | undefined): [value: Value, isSecret: boolean] {
  return value instanceof Secret ? [unwrap(value.value)[0], true] : [value ?? null, false];
}

export function field(value: Value | undefined, name: string): Value | undefined {
  const [inside] = unwrap(value);
  if (inside === null || typeof inside !== "object" || !Object.hasOwn(inside, name)) return undefined;
  return unwrap((inside as Readonly<Record<string, Value>>)[name])[0];
}

export function items(value: Value | undefined): readonly Value[] {
  const [list] = unwrap(value);
  return Array.isArray(list) ? list.map((item) => unwrap(item)[0]) : [];
}
