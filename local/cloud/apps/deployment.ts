import { notFound } from "../core/api-error.ts";
import type { Cloud } from "../core/cloud.ts";
import { findApp } from "./app.ts";
import { fractionAtComponent, viewSteps } from "./deployment-progress.ts";
import type { AppSpec } from "./spec.ts";

/** A deployment as stored. */
export interface Deployment {
  readonly id: string;
  readonly app: string;
  readonly cause: string;
  readonly spec: AppSpec;
  readonly since: number;
  /** The time at which it ends; null while the backing is still deploying. */
  readonly until: number | null;
  /** The job that is running or ran last. */
  readonly reached?: string;
  readonly failure?: Failure;
  /** The FAILED_DEPLOY jobs that ran after the failure. */
  readonly failedJobs?: readonly FailedJob[];
  /** Set if it was canceled, or superseded by a newer deployment. */
  readonly ended?: { readonly at: number; readonly phase: "CANCELED" | "SUPERSEDED" };
  readonly clonedFrom?: string;
}

export interface Failure {
  readonly component: string;
  readonly message: string;
}

export interface FailedJob {
  readonly name: string;
  /** The reason, if this job failed too. */
  readonly error?: string;
}

const deployments = (cloud: Cloud) => cloud.store.collection<Deployment>("deployments");

export const findDeploymentById = (cloud: Cloud, id: string): Deployment | undefined => deployments(cloud).get(id);

export function findDeployment(cloud: Cloud, app: string, id: string): Deployment {
  findApp(cloud, app);
  const deployment = deployments(cloud).get(id);
  if (deployment?.app !== app) throw notFound("deployment not found");
  return deployment;
}

/** Newest first. */
export const deploymentsOf = (cloud: Cloud, app: string): Deployment[] =>
  deployments(cloud)
    .all()
    .filter((deployment) => deployment.app === app)
    .reverse();

export const putDeployment = (cloud: Cloud, deployment: Deployment): void => deployments(cloud).put(deployment.id, deployment);

export const deleteDeploymentRecord = (cloud: Cloud, id: string): void => deployments(cloud).delete(id);

export function deleteDeployments(cloud: Cloud, app: string): void {
  for (const { id } of deploymentsOf(cloud, app)) deleteDeploymentRecord(cloud, id);
}

export const latestDeployment = (cloud: Cloud, app: string): Deployment | undefined => deploymentsOf(cloud, app)[0];

export const activeDeployment = (cloud: Cloud, app: string): Deployment | undefined =>
  deploymentsOf(cloud, app).find((deployment) => isFinished(cloud, deployment) && !deployment.ended && !deployment.failure);

// ── Phase and progress ───────────────────────────────────────────────────────────────────────────────────────────────────

export const isInProgress = (cloud: Cloud, deployment: Deployment): boolean => !deployment.ended && !isFinished(cloud, deployment);

export const isFinished = (cloud: Cloud, { until }: Deployment): boolean => until !== null && cloud.now() >= until;

export function phaseOf(cloud: Cloud, deployment: Deployment): string {
  if (deployment.ended) return deployment.ended.phase;
  if (isFinished(cloud, deployment)) {
    if (deployment.failure) return "ERROR";
    return activeDeployment(cloud, deployment.app)?.id === deployment.id ? "ACTIVE" : "SUPERSEDED";
  }
  const done = fractionDone(cloud, deployment);
  return done === 0 ? "PENDING_BUILD" : done < 0.5 ? "BUILDING" : "DEPLOYING";
}

export function viewProgress(cloud: Cloud, deployment: Deployment) {
  const { spec, since, until, failure, failedJobs, ended } = deployment;
  const finished = isFinished(cloud, deployment);
  return viewSteps({
    spec,
    since,
    until: until ?? since + cloud.durations.deploy,
    done: fractionDone(cloud, deployment),
    stopped: finished || ended !== undefined,
    ...(finished && { failure, failedJobs }),
  });
}

/** The larger of the clock's fraction and the running job's; 1 only when the backing has finished. */
function fractionDone(cloud: Cloud, { spec, since, until, reached, ended }: Deployment): number {
  if (until !== null && !ended && cloud.now() >= until) return 1;
  const [now, wait] = [ended?.at ?? cloud.now(), until === null ? cloud.durations.deploy : until - since];
  const byClock = wait === 0 ? 0 : Math.min((now - since) / wait, 0.95);
  return Math.max(byClock, reached === undefined ? 0 : fractionAtComponent(spec, reached));
}
