/** Whether the newest deployment of an app is the one that runs, and whether it has what the definition declares. */
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../../systems/definition.ts";
import type { ApiClient } from "../recover/api.ts";
import type { Check } from "./check.ts";
import { componentsOf, type DeployedApp, type Deployment, describeCommits, findFailedStep, isInProgress } from "./deployed-app.ts";
import { lastLines, readLog } from "./log.ts";

const POLL_MS = 2000;

/** Waits for a deployment that is running. @returns undefined where there is none */
export async function waitForDeployment(api: ApiClient, app: string, waitMs: number): Promise<Deployment | undefined> {
  for (const until = Date.now() + waitMs; ; await sleep(POLL_MS)) {
    const { deployments = [] } = ((await api.get(`/v2/apps/${app}/deployments?page=1&per_page=1`)) ?? {}) as {
      deployments?: readonly Deployment[] | null;
    };
    const [newest] = deployments ?? [];
    if (newest === undefined || !isInProgress(newest) || Date.now() > until) return newest;
  }
}

export async function checkDeployment(api: ApiClient, app: DeployedApp, newest: Deployment | undefined): Promise<Check> {
  const about = { kind: "deployment", subject: app.name } as const;
  if (newest === undefined)
    return { ...about, outcome: "failed", evidence: "It was never deployed.", next: { text: "Deploy it.", command: "pulumi up" } };
  const { id, phase, progress = {}, cause } = newest;
  const steps = `${progress.success_steps ?? 0} of ${progress.total_steps ?? 0} steps`;
  const described = `deployment ${id}${describeCommits(newest)}: ${phase}, ${steps}`;
  if (phase === "ACTIVE") {
    const pinned = app.pinned === undefined ? "" : "; the app is pinned to it by a rollback that was not committed";
    return { ...about, outcome: app.pinned === undefined ? "passed" : "unproved", evidence: `${described}${pinned}` };
  }
  const failed = findFailedStep(progress.steps);
  const component = failed?.component_name;
  const reason = failed?.reason?.message ?? failed?.reason?.code;
  const runs = app.active === undefined ? "no deployment is active" : `deployment ${app.active.id} still serves`;
  return {
    ...about,
    outcome: "failed",
    evidence: [
      described,
      ...(cause === undefined ? [] : [`cause: ${cause}`]),
      ...(component === undefined ? [] : [`component ${component} failed${reason === undefined ? "" : `: ${reason}`}`]),
      runs,
    ].join("; "),
    ...(component === undefined ? {} : await logOf(api, app.id, id, component)),
    next: isInProgress(newest)
      ? { text: "It is still running. Verify again when it has ended, or wait longer with --wait." }
      : { text: "Correct the cause, and deploy again.", command: "pulumi up" },
  };
}

async function logOf(api: ApiClient, app: string, deployment: string, component: string): Promise<Pick<Check, "log">> {
  for (const type of ["RUN", "DEPLOY", "BUILD"] as const) {
    const text = await readLog({ api, app, deployment }, component, type);
    if (text !== undefined && text.trim() !== "") return { log: lastLines(text) };
  }
  return {};
}

/** Whether the spec that runs has every component and variable that the definition declares without a feature. */
export function checkVariables(app: DeployedApp, { components }: App): Check {
  const about = { kind: "variables", subject: app.name } as const;
  const spec = app.active?.spec;
  if (spec === undefined) return { ...about, outcome: "skipped", evidence: "no deployment is active" };
  const deployed = new Map(componentsOf(spec).map((component) => [component.name, component]));
  const missing: string[] = [];
  let count = 0;
  for (const [name, { env, feature }] of Object.entries(components)) {
    const component = deployed.get(name);
    if (component === undefined) {
      if (feature === undefined) missing.push(`component ${name}`);
      continue;
    }
    const keys = new Set((component.envs ?? []).map(({ key }) => key));
    for (const [key, variable] of Object.entries(env)) {
      const isOptional = variable.feature !== undefined || (variable.from === "database" && variable.replica === true);
      if (isOptional && !keys.has(key)) continue;
      count++;
      if (!keys.has(key)) missing.push(`${name}/${key}`);
    }
  }
  if (missing.length === 0)
    return { ...about, outcome: "passed", evidence: `${count} of ${count} declared variables are in the spec that runs` };
  return {
    ...about,
    outcome: "failed",
    evidence: `the spec that runs lacks ${missing.join(", ")}`,
    next: { text: "Deploy what the program declares.", command: "pulumi up" },
  };
}
