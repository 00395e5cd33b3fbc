/** An app as DigitalOcean's API returns it, as far as the checks read it. */
import { findRoute } from "../../catalog/routes.ts";
import type { App, System } from "../../systems/definition.ts";
import type { ApiClient, Json } from "../recover/api.ts";

export interface DeployedApp {
  readonly id: string;
  readonly name: string;
  /** Without a slash at its end; undefined before the first deployment is active. */
  readonly url: string | undefined;
  readonly spec: AppSpec;
  readonly active: Deployment | undefined;
  /** Set after a rollback that was neither committed nor reverted. */
  readonly pinned: string | undefined;
}

export interface AppSpec {
  readonly services?: readonly ComponentSpec[];
  readonly workers?: readonly ComponentSpec[];
  readonly jobs?: readonly ComponentSpec[];
  readonly static_sites?: readonly ComponentSpec[];
  readonly ingress?: { readonly rules?: readonly IngressRule[] };
}

export interface ComponentSpec {
  readonly name: string;
  readonly envs?: readonly { readonly key: string; readonly value?: string; readonly type?: string }[];
}

interface IngressRule {
  readonly component?: { readonly name?: string };
  readonly match?: { readonly path?: { readonly prefix?: string; readonly exact?: string } };
}

export interface Deployment {
  readonly id: string;
  readonly phase: string;
  readonly cause?: string;
  readonly created_at?: string;
  readonly spec: AppSpec;
  readonly services?: readonly { readonly name: string; readonly source_commit_hash?: string }[];
  readonly progress?: {
    readonly success_steps?: number;
    readonly total_steps?: number;
    readonly error_steps?: number;
    readonly steps?: readonly Step[];
  };
}

interface Step {
  readonly name?: string;
  readonly status?: string;
  readonly component_name?: string;
  readonly reason?: { readonly code?: string; readonly message?: string };
  readonly steps?: readonly Step[];
}

export interface FoundApp {
  /** In the definition. */
  readonly key: string;
  readonly declared: App;
  /** In the account. */
  readonly name: string;
  /** undefined where the account has no app of this name. */
  readonly app: DeployedApp | undefined;
}

/** The apps that a system declares, as far as the account has them. @param suffix What their names end with: "-staging". */
export async function findApps(api: ApiClient, system: System, suffix: string): Promise<readonly FoundApp[]> {
  const all = (await api.list("/v2/apps", "apps")).map(readApp);
  return Object.entries(system.apps).map(([key, declared]) => {
    const name = `${declared.name}${suffix}`;
    return { key, declared, name, app: all.find((app) => app.name === name) };
  });
}

/** As it is now. @returns undefined where it was deleted */
export async function readCurrentApp(api: ApiClient, id: string): Promise<DeployedApp | undefined> {
  const reply = (await api.get(`/v2/apps/${id}`)) as { app?: Json } | undefined;
  return reply?.app === undefined ? undefined : readApp(reply.app);
}

function readApp(app: Json): DeployedApp {
  const { id, spec, live_url, active_deployment, pinned_deployment } = app as {
    id: string;
    spec: AppSpec & { name: string };
    live_url?: string;
    active_deployment?: Deployment;
    pinned_deployment?: { id: string };
  };
  return {
    ...{ id, name: spec.name, url: live_url?.replace(/\/+$/, ""), spec, active: active_deployment },
    pinned: pinned_deployment?.id,
  };
}

export function componentsOf({ services = [], workers = [], jobs = [], static_sites = [] }: AppSpec): readonly ComponentSpec[] {
  return [...services, ...workers, ...jobs, ...static_sites];
}

const IN_PROGRESS = ["PENDING_BUILD", "BUILDING", "PENDING_DEPLOY", "DEPLOYING"];

export const isInProgress = ({ phase }: Pick<Deployment, "phase">): boolean => IN_PROGRESS.includes(phase);

/** " of commit 5bd90b75374e"; "" where the API names none. */
export function describeCommits({ services = [] }: Pick<Deployment, "services">): string {
  const commits = new Set(services.flatMap(({ source_commit_hash }) => (source_commit_hash ? [source_commit_hash.slice(0, 12)] : [])));
  return commits.size === 0 ? "" : ` of commit ${[...commits].join(", ")}`;
}

/** Whether the app's router sends a path to this component: to the one with the longest prefix. */
export function isRoutedTo({ ingress }: AppSpec, component: string, path: string): boolean {
  const rules = (ingress?.rules ?? []).map((rule) => ({
    name: rule.component?.name,
    prefix: rule.match?.path?.prefix ?? rule.match?.path?.exact ?? "/",
  }));
  return findRoute(rules, path)?.name === component;
}

/** The deepest step that failed. */
export function findFailedStep(steps: readonly Step[] = []): Step | undefined {
  for (const step of steps) {
    const inner = findFailedStep(step.steps);
    if (inner !== undefined) return inner;
    if (step.status === "ERROR") return step;
  }
  return undefined;
}
