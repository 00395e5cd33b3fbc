/** From what an app is to the spec that App Platform reads. Lists come out sorted by name, so that reordering a definition is no change. */

import type { App, types } from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { printable } from "../catalog/problem.ts";
import { type Check, programError } from "./errors.ts";
import type { ImageSource } from "./image.ts";
import { holdsAdvice, INSTEAD } from "./outputtext.ts";

type Spec = types.input.AppSpec;

/** How an app's variables go out in this run. */
export interface Quiet {
  /** The paths in the spec that hold what the app was sent already: all of its variable lists, or none. */
  readonly unchanged: readonly string[];
  /** The mark for the app's spec. */
  readonly mark: pulumi.Input<string>;
  /** The version of each secret that a preview prints in place of its value, by `secretPath`. */
  readonly versions: ReadonlyMap<string, number>;
  /** Called with the app that has the mark. */
  follow(app: App): void;
}

export interface AppArgs {
  /** The name at DigitalOcean: 2 to 32 characters, unique in the account. A change replaces the app. */
  appName: string;
  /** An App Platform region: nyc, fra. */
  region: string;
  /** Lets the app reach private addresses; without it databases see its public egress. */
  vpc?: pulumi.Input<string>;
  /** Managed clusters by the alias that bindable references use: `${db.PASSWORD}`. */
  databases?: Readonly<Record<string, AppDatabase>>;
  components: Readonly<Record<string, AppComponent>>;
  /** The primary domain. */
  domain?: string;
  /**
   * App-wide alerts.
   * @default DEPLOYMENT_FAILED and DOMAIN_FAILED
   */
  alerts?: readonly string[];
  /**
   * What the app was sent already: `await memory.compare(name, args)`.
   * @default nothing is known of it, and then each SECRET shows as a change in every preview after a refresh
   */
  quiet?: Quiet;
}

export interface AppDatabase {
  engine: "PG" | "VALKEY";
  /** The cluster's name, not its id. */
  cluster: pulumi.Input<string>;
  database?: string;
  /** A user made through the API; only those have bindable passwords. */
  user?: string;
}

export type AppComponent = AppService | AppSite | AppWorker | AppJob;

interface Runs {
  env: Readonly<Record<string, AppEnv>>;
}

interface FromGithub {
  github: { repo: string; branch: string; deployOnPush: boolean };
  /** @default the repository's root */
  dir?: string;
  /** App Platform's buildpack. */
  environment?: string;
  buildCommand?: string;
  runCommand?: string;
}

interface FromImage {
  image: ImageSource;
  runCommand?: string;
}

interface Sized {
  /** An instance size slug. */
  size: string;
  /** @default 1 */
  instances?: number;
  alerts?: readonly ComponentAlert[];
}

export type AppService = Runs &
  Sized &
  (FromGithub | FromImage) & {
    kind: "service";
    port: number;
    health: { path: string; everySeconds: number; timeoutSeconds: number; failures: number };
    routes: readonly string[];
  };

export type AppSite = Runs & FromGithub & { kind: "site"; outputDir: string; routes: readonly string[] };
export type AppWorker = Runs & Sized & (FromGithub | FromImage) & { kind: "worker" };
export type AppJob = Runs & Sized & (FromGithub | FromImage) & { kind: "job"; when: "PRE_DEPLOY" | "POST_DEPLOY" | "FAILED_DEPLOY" };

export interface AppEnv {
  value: pulumi.Input<string>;
  /** Stored encrypted and never shown. A secret value without this mark is refused. */
  secret?: boolean;
  /** Never left out: without it the provider sees a change at every preview. */
  scope: "RUN_TIME" | "BUILD_TIME" | "RUN_AND_BUILD_TIME";
}

export interface ComponentAlert {
  rule: "CPU_UTILIZATION" | "MEM_UTILIZATION" | "RESTART_COUNT";
  above: number;
  window: "FIVE_MINUTES" | "TEN_MINUTES" | "THIRTY_MINUTES" | "ONE_HOUR";
}

export type EnvList = { key: string; value: pulumi.Input<string>; scope: string; type?: "SECRET" }[];

/** A variable of the whole app that says by which sending it has its variables: plain, random, and nothing to anybody but `quiet.ts`. */
export const SENT = "SLIPWAY_SENT";

/** The whole spec of an app. */
export function appSpec(args: AppArgs): Spec {
  const ingress = ingressRules(args);
  return {
    name: args.appName,
    region: args.region,
    ...(args.vpc === undefined ? {} : { vpcs: [{ id: args.vpc }] }),
    ...(args.domain === undefined ? {} : { domainNames: [{ name: args.domain, type: "PRIMARY" }] }),
    databases: sorted(args.databases ?? {}).map(([name, database]) => ({
      name,
      engine: database.engine,
      // Bindable references need a managed cluster; without this App Platform would make a throw-away one.
      production: true,
      clusterName: database.cluster,
      ...(database.database === undefined ? {} : { dbName: database.database }),
      ...(database.user === undefined ? {} : { dbUser: database.user }),
    })),
    ...(args.quiet === undefined ? {} : { envs: [{ key: SENT, value: args.quiet.mark, scope: "RUN_TIME" }] }),
    alerts: (args.alerts ?? ["DEPLOYMENT_FAILED", "DOMAIN_FAILED"]).map((rule) => ({ rule })),
    services: ofKind(args, "service").map(([name, service]) => ({
      name,
      ...source(service),
      ...sized(service),
      envs: envList(args.appName, name, service),
      httpPort: service.port,
      healthCheck: {
        httpPath: service.health.path,
        periodSeconds: service.health.everySeconds,
        timeoutSeconds: service.health.timeoutSeconds,
        failureThreshold: service.health.failures,
      },
    })),
    staticSites: ofKind(args, "site").map(([name, site]) => ({
      name,
      ...source(site),
      envs: envList(args.appName, name, site),
      outputDir: site.outputDir,
    })),
    workers: ofKind(args, "worker").map(([name, worker]) => ({
      name,
      ...source(worker),
      ...sized(worker),
      envs: envList(args.appName, name, worker),
    })),
    jobs: ofKind(args, "job").map(([name, job]) => ({
      name,
      kind: job.when,
      ...source(job),
      ...sized(job),
      envs: envList(args.appName, name, job),
    })),
    ...(ingress.length === 0 ? {} : { ingress: { rules: ingress } }),
  };
}

const SCOPES = ["RUN_TIME", "BUILD_TIME", "RUN_AND_BUILD_TIME"];

/** What the types say, said again to programs in plain JavaScript; and a secret that everybody would read. */
export function variableProblems({ components }: AppArgs): Check[] {
  return Object.entries(components).flatMap(([component, { kind, env }]) =>
    Object.entries(env).flatMap(([key, { scope, secret = false }]) => {
      const path = `components.${component}.env.${key}`;
      return [
        /^[A-Za-z_][A-Za-z0-9_]*$/.test(key)
          ? undefined
          : { path, problem: `a variable's name is letters, digits and "_", no digit first`, fix: "Rename it." },
        SCOPES.includes(scope)
          ? undefined
          : {
              path: `${path}.scope`,
              given: printable(scope),
              problem: "without a scope every preview shows a change",
              allowed: SCOPES.join(", "),
            },
        secret && kind === "site"
          ? {
              path,
              problem: "it is secret, and a static site is built into files that anyone may read",
              fix: "Set it on a service that the site calls.",
            }
          : undefined,
      ];
    }),
  );
}

/** Every variable list with its path in the spec; the path is what `ignoreChanges` takes. */
export function envLists(args: AppArgs): { path: string; component: string; envs: EnvList }[] {
  const kinds = { service: "services", site: "staticSites", worker: "workers", job: "jobs" } as const;
  return (Object.keys(kinds) as (keyof typeof kinds)[]).flatMap((kind) =>
    ofKind(args, kind).map(([component, runs], index) => ({
      path: `spec.${kinds[kind]}[${index}].envs`,
      component,
      envs: envList(args.appName, component, runs),
    })),
  );
}

/** Names a secret variable in `Quiet.versions`. */
export function secretPath(component: string, key: string): string {
  return `${component} ${key}`;
}

/** The same list for every caller, because the list that is compared must be the one that is sent. */
const lists = new WeakMap<Runs, EnvList>();

function envList(app: string, component: string, runs: Runs): EnvList {
  const made = lists.get(runs) ?? makeEnvList(app, component, runs);
  lists.set(runs, made);
  return made;
}

function makeEnvList(app: string, component: string, { env }: Runs): EnvList {
  return sorted(env).map(([key, { value, secret, scope }]) => {
    const where = `${app}: ${component} reads ${key}`;
    return secret
      ? { key, value: pulumi.secret(refuseAdvice(value, where)), scope, type: "SECRET" as const }
      : // No `type` here: GENERAL is not always echoed by the API, and then shows as a change for ever.
        { key, value: refuseSecret(refuseAdvice(value, where), where), scope };
  });
}

/** What an Output was written into as if it were a string is no value, whatever it is for. */
function refuseAdvice(value: pulumi.Input<string>, where: string): pulumi.Input<string> {
  const checked = (known: string) => {
    if (holdsAdvice(known)) throw programError(`${where}: ${INSTEAD}`);
    return known;
  };
  return typeof value === "string" ? checked(value) : pulumi.output(value).apply(checked);
}

/** A secret that would be sent as plain text is a mistake in the program, not a choice. */
function refuseSecret(value: pulumi.Input<string>, where: string): pulumi.Input<string> {
  if (typeof value === "string") return value;
  const output = pulumi.output(value);
  return pulumi.output(
    pulumi.isSecret(output).then((secret) => {
      if (!secret) return output;
      throw programError(`${where} from a secret, but it is not marked as one. Add "secret: true", or read a bindable reference instead.`);
    }),
  );
}

/** The longest prefix first, so that the rules read the way they match. */
function ingressRules(args: AppArgs): types.input.AppSpecIngressRule[] {
  const routed = [...ofKind(args, "service"), ...ofKind(args, "site")];
  return routed
    .flatMap(([name, { kind, routes }]) => routes.map((prefix) => ({ name, kind, prefix })))
    .sort((a, b) => b.prefix.length - a.prefix.length || compare(a.prefix, b.prefix))
    .map(({ name, kind, prefix }) => ({
      // A service sees the path as it was asked: /api/health stays /api/health.
      component: { name, preservePathPrefix: kind === "service" },
      match: { path: { prefix } },
    }));
}

function source(from: FromGithub | FromImage) {
  const run = from.runCommand === undefined ? {} : { runCommand: from.runCommand };
  if ("image" in from) return { image: from.image, ...run };
  return {
    github: from.github,
    ...(from.dir === undefined ? {} : { sourceDir: from.dir }),
    ...(from.environment === undefined ? {} : { environmentSlug: from.environment }),
    ...(from.buildCommand === undefined ? {} : { buildCommand: from.buildCommand }),
    ...run,
  };
}

function sized({ size, instances, alerts }: Sized) {
  return {
    instanceSizeSlug: size,
    instanceCount: instances ?? 1,
    ...(alerts === undefined
      ? {}
      : { alerts: alerts.map((a) => ({ rule: a.rule, operator: "GREATER_THAN", value: a.above, window: a.window })) }),
  };
}

function ofKind<K extends AppComponent["kind"]>(args: AppArgs, kind: K): [string, Extract<AppComponent, { kind: K }>][] {
  return sorted(args.components).filter((entry): entry is [string, Extract<AppComponent, { kind: K }>] => entry[1].kind === kind);
}

function sorted<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => compare(a, b));
}

function compare(a: string, b: string): number {
  return Number(a > b) - Number(a < b);
}
