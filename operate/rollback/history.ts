/** The deployments of an app, and the one that a rollback returns to. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import { componentsOf, type DeployedApp, type Deployment, describeCommits, findApps, isInProgress } from "../verify/deployed-app.ts";
import type { RollbackSubject } from "./subject.ts";

export type PastDeployment = Deployment & { readonly cloned_from?: string; readonly updated_at?: string };

export interface AppHistory {
  readonly app: DeployedApp;
  readonly newest: PastDeployment | undefined;
  /** The deployment that quick returns to; that of a rollback that is neither committed nor reverted, if there is one. */
  readonly target: PastDeployment | undefined;
  /** Whether a rollback is already in effect. */
  readonly isPinned: boolean;
  /** Why there is no target, or why the app stays as it is. */
  readonly reason: string | undefined;
  /** What the API warns of, and the deployments that it does not accept. */
  readonly notices: readonly string[];
}

export interface HistoryOptions {
  /** The name of the only app that is rolled back, with or without the suffix of the stack. @default those of the last release */
  readonly only?: string | undefined;
  /** The deployment to return to, of that app. */
  readonly to?: string | undefined;
}

const DEPLOYED = ["ACTIVE", "SUPERSEDED"];
/** App Platform keeps ten deployments to return to. */
const MOST_ATTEMPTS = 10;
/** Apps whose deployments began within an hour are of the same release. */
const RELEASE_MS = 3_600_000;

export async function readHistories(subject: RollbackSubject, { only, to }: HistoryOptions = {}): Promise<readonly AppHistory[]> {
  const all = await findApps(subject.api, subject.system, subject.suffix);
  const wanted = all.filter(({ name }) => only === undefined || name === only || name === `${only}${subject.suffix}`);
  if (wanted.length === 0)
    throw new Failure(
      "no-app",
      2,
      `${subject.system.name} has no app ${only}. Its apps: ${all.map(nameOf).join(", ")}. Name one: --app ${all[0]?.name}`,
    );
  const deployed = wanted.flatMap(({ app }) => app ?? []);
  const found = await Promise.all(
    deployed.map(async (app) => {
      const deployments = await subject.api.list(`/v2/apps/${app.id}/deployments`, "deployments");
      return { app, deployments: deployments as unknown as readonly PastDeployment[] };
    }),
  );
  if (found.length === 0)
    throw new Failure(
      "not-deployed",
      2,
      `${subject.account} has no app of ${subject.system.name} (${wanted.map(nameOf).join(", ")}). Nothing can be rolled back.`,
    );
  if (to !== undefined && found.length > 1)
    throw new Failure("which-app", 2, `--to names a deployment of one app. Name the app as well: --app ${found[0]!.app.name}`);
  const release = Math.max(...found.map(({ app }) => startOf(app.active)));
  return await Promise.all(
    found.map(async ({ app, deployments }) => {
      const history = await findTarget(subject, { app, deployments, to });
      const isOlder = only === undefined && !history.isPinned && startOf(app.active) < release - RELEASE_MS;
      if (!isOlder || history.target === undefined) return history;
      return {
        ...history,
        target: undefined,
        reason: `it stays as it is: it was deployed at ${app.active?.created_at}, before the last release. To roll it back as well: --app ${app.name}`,
      };
    }),
  );
}

const nameOf = ({ name }: { readonly name: string }): string => name;
const startOf = (deployment: Deployment | undefined): number => Date.parse(deployment?.created_at ?? "") || 0;

interface Search {
  readonly app: DeployedApp;
  readonly deployments: readonly PastDeployment[];
  readonly to: string | undefined;
}

async function findTarget(subject: RollbackSubject, { app, deployments, to }: Search): Promise<AppHistory> {
  const newest = deployments[0];
  const history = { app, newest, isPinned: app.pinned !== undefined, notices: [] as string[] };
  const without = (reason: string): AppHistory => ({ ...history, target: undefined, reason });
  const byId = (id: string | undefined) => deployments.find((one) => one.id === id);
  if (app.pinned !== undefined) {
    // The API may name the rollback's own deployment, or the one that it repeats.
    const pinned = byId(app.pinned);
    const target = byId(pinned?.cloned_from) ?? pinned;
    if (target === undefined) return without(`it is pinned to deployment ${app.pinned}, which the API does not list any more`);
    if (to !== undefined && to !== target.id)
      return without(`it is pinned to deployment ${target.id}. Revert that rollback first: slipway rollback revert ${subject.flags}`);
    return { ...history, target, reason: undefined };
  }
  if (app.active === undefined) return without("no deployment of it is active");
  if (newest !== undefined && isInProgress(newest))
    return without(`deployment ${newest.id} is still running. Wait until it has ended, or cancel it in the control panel`);
  const active = byId(app.active.id) ?? app.active;
  const from = byId((active as PastDeployment).cloned_from) ?? active;
  const earlier = deployments.slice(deployments.findIndex(({ id }) => id === from.id) + 1);
  const candidates =
    to === undefined ? earlier.filter((one) => wasActive(one) && !isSame(one, active)) : earlier.filter(({ id }) => id === to);
  if (to !== undefined && candidates.length === 0) {
    const ids = earlier.filter(wasActive).map(({ id, created_at }) => `${id} of ${created_at}`);
    return without(`it has no earlier deployment ${to}. Those that were active: ${ids.join(", ") || "none"}`);
  }
  for (const candidate of candidates.slice(0, MOST_ATTEMPTS)) {
    const verdict = await validate(subject, app.id, candidate.id);
    if (verdict.accepted) return { ...history, target: candidate, reason: undefined, notices: [...history.notices, ...verdict.notices] };
    history.notices.push(`App Platform does not return to deployment ${candidate.id}: ${verdict.notices.join("; ")}`);
  }
  return without(
    candidates.length === 0
      ? "it has no earlier deployment that was active and differs from the one that runs"
      : "App Platform returns to none of its earlier deployments",
  );
}

/** One that another replaced while it was running has steps that were never done. */
function wasActive({ phase, progress = {} }: PastDeployment): boolean {
  return DEPLOYED.includes(phase) && (progress.total_steps === undefined || progress.success_steps === progress.total_steps);
}

/** To return to the same spec of the same commits would change nothing. */
function isSame(one: PastDeployment, other: PastDeployment): boolean {
  const parts = ({ spec, services = [] }: PastDeployment) => JSON.stringify([spec, services]);
  return parts(one) === parts(other);
}

/** Asks the API, which changes nothing. */
async function validate({ writer }: RollbackSubject, app: string, deployment: string) {
  const outcome = await writer.send("POST", `/v2/apps/${app}/rollback/validate`, { deployment_id: deployment });
  if (outcome.kind === "unknown")
    throw new Failure(
      "no-reply",
      1,
      `The API did not say whether app ${app} can return to deployment ${deployment} (${outcome.reason}). Nothing was changed. Try again.`,
    );
  if (outcome.kind === "refused") return { accepted: false, notices: [outcome.message || `status ${outcome.status}`] };
  const { valid, error, warnings } = outcome.body as {
    valid?: boolean;
    error?: { message?: string; code?: string };
    warnings?: readonly { message?: string; code?: string }[] | null;
  };
  const describe = ({ message, code }: { message?: string; code?: string }) => message ?? code ?? "without a reason";
  if (valid !== true) return { accepted: false, notices: [describe(error ?? {})] };
  return { accepted: true, notices: (warnings ?? []).map((warning) => `App Platform warns: ${describe(warning)}`) };
}

/**
 * Until when a migration belongs to a deployment. `pulumi up` applies migrations before it deploys; a job applies them during the deployment.
 *
 * @returns undefined where the API does not say it
 */
export function schemaTimeOf(deployment: PastDeployment): Date | undefined {
  const jobs = deployment.spec.jobs as readonly { readonly kind?: string }[] | undefined;
  const ends = jobs?.some(({ kind }) => kind === "PRE_DEPLOY") ? endTimes(deployment.progress?.steps) : [];
  const time = Math.max(Date.parse(deployment.created_at ?? ""), ...ends);
  // The API cuts times to seconds.
  return Number.isNaN(time) ? undefined : new Date(Math.floor(time / 1000) * 1000 + 999);
}

type Steps = NonNullable<NonNullable<Deployment["progress"]>["steps"]>;

const endTimes = (steps: Steps = []): number[] =>
  steps
    .flatMap((step) => [Date.parse((step as { ended_at?: string }).ended_at ?? ""), ...endTimes(step.steps)])
    .filter((time) => !Number.isNaN(time));

/** "9d2c… of commit 5bd90b75374e, created 2026-12-02T20:16:22Z" */
export const describeDeployment = (deployment: PastDeployment): string =>
  `${deployment.id}${describeCommits(deployment)}, created ${deployment.created_at ?? "at an unknown time"}`;

/** The components and variables that differ: "api/NEW_FLAG". Values are not compared: most are secret. */
export function describeChanges(from: Deployment, to: Deployment): readonly string[] {
  const keys = ({ spec }: Deployment) =>
    new Set(componentsOf(spec).flatMap(({ name, envs = [] }) => [name, ...envs.map(({ key }) => `${name}/${key}`)]));
  const [before, after] = [keys(from), keys(to)];
  return [
    ...[...before].filter((key) => !after.has(key)).map((key) => `without ${key}`),
    ...[...after].filter((key) => !before.has(key)).map((key) => `with ${key}`),
  ];
}
