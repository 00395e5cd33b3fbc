/** Every variable of every app: what it holds, how it is hidden, and when it is there. */
import { type Plan, type PlannedResource, Secret, type Value } from "../../engine/plan.ts";
import { fingerprintOf } from "../record/parse.ts";
import { UNMARKED } from "./references.ts";

export interface Variable {
  readonly app: string;
  /** "every component" for the app's own. */
  readonly component: string;
  readonly name: string;
  readonly value: Value;
  /** Marked by the program, so that Pulumi encrypts it. */
  readonly marked: boolean;
  /** Hidden by App Platform. */
  readonly hidden: boolean;
  /** There while an image is built. */
  readonly built: boolean;
  /** What it comes from: ‹a resource.its output›, ‹a setting›, a login of a database. */
  readonly origins: readonly string[];
  readonly print: string;
}

type Fields = Readonly<Record<string, Value>>;

export const COMPONENTS = { services: "service", workers: "worker", jobs: "job", staticSites: "site", functions: "function" } as const;

export const EVERY = "every component";

/** By app, component and name. */
export function variablesOf({ resources }: Plan): ReadonlyMap<string, Variable> {
  const found = new Map<string, Variable>();
  for (const app of resources) {
    if (!app.type.endsWith(":App") || !app.custom) continue;
    const spec = specOf(app);
    const lists = [[EVERY, spec] as const, ...componentsOf(app).map(({ name, fields }) => [name, fields] as const)];
    for (const [component, fields] of lists)
      for (const env of listOf(fields.envs)) {
        const variable = variableOf(app, component, env, spec);
        found.set(`${app.name}\n${component}\n${variable.name}`, variable);
      }
  }
  return found;
}

export function componentsOf(app: PlannedResource): { readonly kind: string; readonly name: string; readonly fields: Fields }[] {
  const spec = specOf(app);
  return Object.entries(COMPONENTS).flatMap(([list, kind]) =>
    listOf(spec[list]).map((fields) => ({ kind, name: String(fields.name), fields })),
  );
}

export function specOf({ inputs }: PlannedResource): Fields {
  const { spec } = inputs;
  return isFields(spec) ? spec : {};
}

function variableOf(app: PlannedResource, component: string, env: Fields, spec: Fields): Variable {
  const { key, value = null, scope, type } = env;
  const secret = value instanceof Secret ? fingerprintOf(value) : undefined;
  return {
    app: app.name,
    component,
    name: String(key),
    value,
    marked: secret !== undefined && !secret.print.startsWith(UNMARKED),
    hidden: type === "SECRET",
    // Unsaid is both (digitalocean/terraform-provider-digitalocean, app_spec.go).
    built: scope === undefined || scope === null || scope === "UNSET" || String(scope).includes("BUILD"),
    origins: secret ? secret.of : logins(String(value), spec),
    print: secret?.print ?? String(value),
  };
}

/** `${db.PASSWORD}`: App Platform fills it in, and only it knows it. */
const LOGIN = /\$\{([\w-]+)(?:\.[\w-]+)?\.(?:PASSWORD|DATABASE_URL|DATABASE_PRIVATE_URL)\}/g;

function logins(text: string, spec: Fields): readonly string[] {
  const databases = new Map(listOf(spec.databases).map((database) => [database.name, database]));
  return [...new Set([...text.matchAll(LOGIN)].map(([, alias]) => alias!))].map((alias) => {
    const { clusterName, dbUser } = databases.get(alias) ?? {};
    return `the login of ${dbUser === undefined || dbUser === null ? "" : `${dbUser} at `}${clusterName ?? alias}`;
  });
}

function listOf(value: Value | undefined): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function isFields(value: Value | undefined): value is Fields {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}
