/**
 * Follows each reference to a login: to its user, its cluster and its database. The same name of a user exists on several clusters, and the
 * password of one opens nothing on another, or the data of another product.
 */
import { type Plan, type PlannedResource, Unknown } from "../engine/plan.ts";
import type { Finding } from "../report/audit.ts";
import {
  ADMIN,
  APP,
  type AppDatabase,
  databasesOf,
  field,
  holdsLogin,
  items,
  type Variable,
  variablesOf,
} from "../report/plan/app-spec.ts";
import type { Declarations } from "./declared.ts";
import { finding } from "./finding.ts";
import { nameOf, variableStep } from "./flow.ts";
import type { Reading } from "./readers.ts";
import type { Origin } from "./run/canary.ts";

const OF = "digitalocean:index/";
const CLUSTER = `${OF}databaseCluster:DatabaseCluster`;
const USER = `${OF}databaseUser:DatabaseUser`;
const DATABASE = `${OF}databaseDb:DatabaseDb`;
const ON_CLUSTER = [`${OF}databaseConnectionPool:DatabaseConnectionPool`, `${OF}databaseReplica:DatabaseReplica`];
/** As the outputs of a run name a host: see run/provider-outputs.ts. */
const HOST = /(?:private-)?([\w-]+)\.db\.test\b(?::[\w${}.]+)?(?:\/([\w-]+))?/g;

export function referenceFaults(plan: Plan, readings: readonly Reading[], declarations: Declarations): readonly Finding[] {
  const known = new KnownClusters(plan);
  const variables = variablesOf(plan);
  return [
    ...plan.resources.filter(({ type }) => type === APP).flatMap((app) => databaseFaults(app, known, variables, declarations)),
    ...hostFaults(known, variables, readings, declarations),
  ];
}

class KnownClusters {
  readonly #clusters: readonly PlannedResource[];
  readonly #plan: Plan;
  readonly #byHost: ReadonlyMap<string, PlannedResource>;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#clusters = plan.resources.filter(({ type }) => type === CLUSTER);
    const others = plan.resources.filter(({ type }) => ON_CLUSTER.includes(type));
    this.#byHost = new Map([
      ...this.#clusters.map((cluster) => [cluster.name, cluster] as const),
      ...others.flatMap((other) =>
        this.#clusters.filter((cluster) => this.isOn(other, cluster)).map((cluster) => [other.name, cluster] as const),
      ),
    ]);
  }

  isOn({ dependencies, inputs }: PlannedResource, cluster: PlannedResource): boolean {
    return dependencies.includes(cluster.urn) || inputs.clusterId === `${cluster.name}-id`;
  }

  named(name: AppDatabase["cluster"]): PlannedResource | undefined {
    if (name === undefined || name instanceof Unknown) return undefined;
    return this.#clusters.find((cluster) => (field(cluster.inputs, "name") ?? cluster.name) === name);
  }

  ofHost(host: string): PlannedResource | undefined {
    return this.#byHost.get(host);
  }

  clustersWith(type: string, name: string): readonly PlannedResource[] {
    const declared = this.#plan.resources.filter((one) => one.type === type && field(one.inputs, "name") === name);
    return this.#clusters.filter((cluster) => declared.some((one) => this.isOn(one, cluster)));
  }

  /** The cluster of a user, or the cluster itself for its administrator. */
  ofOrigin({ urn }: Origin): PlannedResource | undefined {
    const owner = this.#plan.resources.find((one) => one.urn === urn);
    if (owner?.type === CLUSTER) return owner;
    return owner?.type === USER ? this.#clusters.find((cluster) => this.isOn(owner, cluster)) : undefined;
  }

  /** The databases of the roles steps that know this user, by the URL with which they connect. */
  databasesOf(cluster: PlannedResource, user: string): readonly string[] {
    return this.#plan.resources.flatMap(({ inputs }) => {
      const roles = field(inputs, "roles");
      if (roles === undefined || roles === null || typeof roles !== "object") return [];
      if (!Object.values(roles).some((role) => role === user)) return [];
      const [, host = "", database = ""] = [...String(field(inputs, "url") ?? "").matchAll(HOST)][0] ?? [];
      return this.ofHost(host) === cluster && database !== "" ? [database] : [];
    });
  }
}

/** The databases that an app attaches: their user, their cluster and their database belong together. */
function databaseFaults(app: PlannedResource, known: KnownClusters, all: readonly Variable[], declarations: Declarations): Finding[] {
  return databasesOf(app).flatMap((database) => {
    const { alias, user, engine } = database;
    const cluster = known.named(database.cluster);
    if (engine !== "PG" || cluster === undefined) return [];
    const variables = all.filter(
      ({ resource, references }) => resource === app && references.some((one) => one.alias === alias && holdsLogin(one)),
    );
    const problem = userProblem(user, cluster, known) ?? databaseProblem(app, alias, user, cluster, known);
    if (problem === undefined) return [];
    return variables.map((variable) => {
      const login = variable.references.find((one) => one.alias === alias)?.login;
      const declared = declarations.all.find(({ origin }) => origin.urn !== undefined && origin.urn === login?.urn);
      return fault(variable, problem, declared?.name);
    });
  });
}

function userProblem(user: string, cluster: PlannedResource, known: KnownClusters): string | undefined {
  if (user === ADMIN) return undefined;
  const clusters = known.clustersWith(USER, user);
  if (clusters.length === 0 || clusters.includes(cluster)) return undefined;
  return `refers to user ${user} of ${nameOf(cluster)}, but the program creates that user on ${clusters.map(nameOf).join(" and ")}`;
}

function databaseProblem(
  app: PlannedResource,
  alias: string,
  user: string,
  cluster: PlannedResource,
  known: KnownClusters,
): string | undefined {
  const specified = fieldsOfDatabase(app, alias);
  const name = field(specified ?? null, "dbName");
  if (typeof name !== "string") return undefined;
  const clusters = known.clustersWith(DATABASE, name);
  if (clusters.length > 0 && !clusters.includes(cluster))
    return `refers to database ${name} of ${nameOf(cluster)}, but the program creates that database on ${clusters.map(nameOf).join(" and ")}`;
  const own = known.databasesOf(cluster, user);
  if (own.length === 0 || own.includes(name)) return undefined;
  return `refers to database ${name} as ${user}, whose database is ${own.join(" or ")}`;
}

function fieldsOfDatabase({ inputs }: PlannedResource, alias: string) {
  return items(field(inputs.spec, "databases")).find((one) => field(one, "name") === alias);
}

/** A password and the host that it is sent to belong to one cluster. */
function hostFaults(
  known: KnownClusters,
  variables: readonly Variable[],
  readings: readonly Reading[],
  declarations: Declarations,
): Finding[] {
  return variables.flatMap((variable) => {
    const hosts = [...variable.text.matchAll(HOST)].flatMap(([, host = ""]) => known.ofHost(host) ?? []);
    if (hosts.length === 0) return [];
    const own = readings.filter((reading) => isSameVariable(reading.variable, variable));
    // A host in a variable of its own belongs to the passwords that its component has.
    const logins = own.length > 0 ? own : readings.filter((reading) => isSameComponent(reading.variable, variable));
    const clusters = new Map(
      logins.flatMap((login) => {
        const cluster = known.ofOrigin(login.origin);
        return cluster === undefined ? [] : [[cluster, login] as const];
      }),
    );
    if (clusters.size === 0) return [];
    return hosts
      .filter((host) => !clusters.has(host))
      .map((host) => {
        const [cluster, login] = [...clusters][0]!;
        const secret = declarations.nameOf(login.origin);
        return fault(
          variable,
          `names the host of ${nameOf(host)}, but the password is that of ${nameOf(cluster)}`,
          own.length > 0 ? secret : undefined,
        );
      });
  });
}

const isSameVariable = (one: Variable, other: Variable): boolean => one.key === other.key && isSameComponent(one, other);
const isSameComponent = (one: Variable, other: Variable): boolean => one.resource === other.resource && one.component === other.component;

function fault(variable: Variable, problem: string, secret?: string): Finding {
  const { key, component, app } = variable;
  return finding({
    rule: "login-elsewhere",
    message: `${key} of ${component || "every component"} in ${app} ${problem}.`,
    ...(secret !== undefined && { secret }),
    flow: [variableStep(variable)],
  });
}
