/** The recorded plans of this repository's stacks, for tests that look at what would be sent to DigitalOcean. */
import { fileURLToPath } from "node:url";
import { at, byType, findProject, type Plan, type PlannedResource, planStack, resource, Secret, type Value } from "../../engine/index.ts";

export const TYPE = {
  app: "digitalocean:index/app:App",
  cluster: "digitalocean:index/databaseCluster:DatabaseCluster",
  firewall: "digitalocean:index/databaseFirewall:DatabaseFirewall",
  user: "digitalocean:index/databaseUser:DatabaseUser",
  replica: "digitalocean:index/databaseReplica:DatabaseReplica",
  monitorAlert: "digitalocean:index/monitorAlert:MonitorAlert",
  uptimeCheck: "digitalocean:index/uptimeCheck:UptimeCheck",
  uptimeAlert: "digitalocean:index/uptimeAlert:UptimeAlert",
} as const;

/** Written out here: a type of another name in `catalog/step-types.ts` would be another resource in every state. */
export const STEP = {
  Roles: "pulumi-nodejs:dynamic/slipway:Roles",
  Migrations: "pulumi-nodejs:dynamic/slipway:Migrations",
  Keyspaces: "pulumi-nodejs:dynamic/slipway:Keyspaces",
} as const;

export const project = findProject(fileURLToPath(new URL("../..", import.meta.url)));

/** Unlike any default, so that a port that a definition contains is noticed. */
export const PORT = { cluster: 31060, pool: 31061 } as const;

/** What DigitalOcean would answer: ids, hosts, ports, and passwords with every awkward character. */
export function answers({ type, name }: PlannedResource): Record<string, unknown> {
  const password = new Secret(`canary-${name}-#/?%41@`);
  switch (type) {
    case TYPE.cluster:
      return {
        id: `id-${name}`,
        host: `${name}.example`,
        privateHost: `private-${name}.example`,
        port: PORT.cluster,
        user: "doadmin",
        password,
        database: "defaultdb",
        clusterUrn: `do:dbaas:${name}`,
      };
    case TYPE.replica:
      return { id: `id-${name}`, privateHost: `private-${name}.example`, host: `${name}.example`, port: PORT.cluster };
    case TYPE.user:
      return { id: name, password };
    case "digitalocean:index/databaseConnectionPool:DatabaseConnectionPool":
      return { id: name, privateHost: "private-pool.example", host: "pool.example", port: PORT.pool, password };
    case "random:index/randomPassword:RandomPassword":
      return { id: "none", result: new Secret(`canary-generated-${name}`) };
    case TYPE.app:
      return { id: `id-${name}`, liveUrl: `https://${name}.example`, activeDeploymentId: `deployment-of-${name}` };
    default:
      return { id: `id-${name}` };
  }
}

export const ca = () => ({ certificate: "-----BEGIN CERTIFICATE-----\n" });

/** @param config settings in place of the stack file's, such as `{ fluxstudio: { features: ["cache"] } }` */
export function planOf(stack: string, config: Readonly<Record<string, unknown>> = {}): Promise<Plan> {
  const settings = Object.fromEntries(Object.entries(config).map(([key, value]) => [`slipway:${key}`, textOf(value)]));
  return planStack(project, { stack, config: settings, placeholders: true, outputs: answers, invokes: ca });
}

const textOf = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

export interface AppComponent {
  readonly name: string;
  readonly envs: readonly AppVariable[];
  readonly [field: string]: unknown;
}
export interface AppVariable {
  readonly key: string;
  readonly value: Value;
  readonly scope: string;
  readonly type?: string;
}

export type ComponentKind = "services" | "staticSites" | "workers" | "jobs";

/** The components of one kind in the App spec that is sent. */
export function componentsOf(plan: Plan, app: string, kind: ComponentKind): readonly AppComponent[] {
  return (at(resource(plan, TYPE.app, app).inputs.spec as Value, kind) ?? []) as unknown as AppComponent[];
}

export function componentOf(plan: Plan, app: string, kind: ComponentKind, name: string): AppComponent {
  const found = componentsOf(plan, app, kind).find((component) => component.name === name);
  if (found === undefined) throw new Error(`${app} has no ${kind} "${name}".`);
  return found;
}

/** The variables of a component by name, as they are sent. */
export function envsOf(plan: Plan, app: string, kind: ComponentKind, name: string): Readonly<Record<string, AppVariable>> {
  return Object.fromEntries(componentOf(plan, app, kind, name).envs.map((env) => [env.key, env]));
}

/** The values of a component's variables by name; a secret as `Secret`. */
export function variablesOf(plan: Plan, app: string, kind: ComponentKind, name: string): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(envsOf(plan, app, kind, name)).map(([key, { value }]) => [key, value]));
}

/** The variables that App Platform encrypts. */
export function secretNamesOf({ envs }: AppComponent): string[] {
  return envs.filter(({ type }) => type === "SECRET").map(({ key }) => key);
}

export { byType, resource, Secret };
