import { formatTimestamp } from "../core/time.ts";
import type { AppSpec, ComponentList, SpecComponent } from "./spec.ts";
import { componentsOf } from "./spec.ts";

/** A step of a deployment, in the format of the API. */
export interface Step {
  readonly name: string;
  readonly status: StepStatus;
  readonly component_name?: string;
  readonly message_base?: string;
  readonly started_at?: string;
  readonly ended_at?: string;
  readonly reason?: { readonly code: string; readonly message: string };
  readonly steps?: readonly Step[];
}

export type StepStatus = "PENDING" | "RUNNING" | "SUCCESS" | "ERROR";

export interface DeploymentState {
  readonly spec: AppSpec;
  readonly since: number;
  readonly until: number;
  /** The completed fraction, from 0 to 1. */
  readonly done: number;
  /** Whether the deployment no longer advances: finished, canceled or superseded. */
  readonly stopped: boolean;
  readonly failure?: { readonly component: string; readonly message: string } | undefined;
  /** The FAILED_DEPLOY jobs that ran after the failure. */
  readonly failedJobs?: readonly { readonly name: string; readonly error?: string }[] | undefined;
}

interface PlannedStep {
  readonly name: string;
  readonly stage?: "deploy";
  readonly component?: string;
  readonly message?: string;
  readonly steps?: readonly PlannedStep[];
}

export function viewSteps(state: DeploymentState) {
  const failedJobs = state.failedJobs ?? [];
  const plan = planSteps(
    state.spec,
    failedJobs.map(({ name }) => name),
  );
  const leaves = plan.flatMap(leafSteps);
  const done = state.failure ? indexOfWait(leaves, state.failure.component) : Math.floor(state.done * leaves.length);
  const stepDuration = (state.until - state.since) / leaves.length;
  const failedJobOf = (leaf: PlannedStep | undefined) => failedJobs.find(({ name }) => name === leaf?.component);
  const errorOf = (leaf: PlannedStep | undefined) => failedJobOf(leaf)?.error ?? state.failure?.message ?? "";

  const statusOfLeaf = (index: number): StepStatus => {
    const after = leaves[index]?.stage === "deploy" ? failedJobOf(leaves[index]) : undefined;
    if (after) return after.error !== undefined && leaves[index]?.name === "wait" ? "ERROR" : "SUCCESS";
    if (index < done) return "SUCCESS";
    if (index > done || (state.stopped && !state.failure)) return "PENDING";
    return state.failure ? "ERROR" : "RUNNING";
  };
  const reasonOf = (step: PlannedStep, indexes: readonly number[]) => {
    const failed = leaves[indexes.find((index) => statusOfLeaf(index) === "ERROR") ?? 0];
    const isJob = state.spec.jobs?.some(({ name }) => name === failed?.component);
    return { code: isJob ? "DeployContainerExitNonZero" : "DeployContainerHealthChecksFailed", message: errorOf(failed ?? step) };
  };
  const view = (step: PlannedStep): Step => {
    const indexes = leafSteps(step).map((leaf) => leaves.indexOf(leaf));
    const status = combineStatuses(indexes.map(statusOfLeaf));
    const [first = 0, last = first] = [indexes[0], indexes.at(-1)];
    return {
      name: step.name,
      status,
      ...(step.component && { component_name: step.component }),
      ...(step.message && { message_base: step.message }),
      ...(status !== "PENDING" && { started_at: formatTimestamp(state.since + first * stepDuration) }),
      ...((status === "SUCCESS" || status === "ERROR") && { ended_at: formatTimestamp(state.since + (last + 1) * stepDuration) }),
      ...(status === "ERROR" && { reason: reasonOf(step, indexes) }),
      ...(step.steps && { steps: step.steps.map(view) }),
    };
  };

  const statuses = leaves.map((_, index) => statusOfLeaf(index));
  const count = (status: StepStatus) => statuses.filter((other) => other === status).length;
  return {
    pending_steps: count("PENDING"),
    running_steps: count("RUNNING"),
    success_steps: count("SUCCESS"),
    error_steps: count("ERROR"),
    total_steps: leaves.length,
    steps: plan.map(view),
  };
}

const KINDS: Readonly<Record<ComponentList, string>> = {
  services: "service",
  static_sites: "static site",
  workers: "worker",
  jobs: "job",
  functions: "function",
};

/** Returns the completed fraction of a deployment that is waiting for this component. */
export function fractionAtComponent(spec: AppSpec, component: string): number {
  const leaves = planSteps(spec).flatMap(leafSteps);
  return (indexOfWait(leaves, component) + 0.5) / leaves.length;
}

/** Returns the index of the step that waits for a component, or of the first deploy step. */
function indexOfWait(leaves: readonly PlannedStep[], component: string): number {
  const found = leaves.findIndex((leaf) => leaf.component === component && leaf.name === "wait");
  return found >= 0 ? found : leaves.findIndex(({ stage }) => stage === "deploy");
}

/** Returns the components in deploy order. Scheduled jobs are only built; FAILED_DEPLOY jobs are listed after they have run. */
function deployOrder(components: readonly SpecComponent[], failedJobs: readonly string[]): SpecComponent[] {
  const jobs = (kind: string) => components.filter(({ list, component }) => list === "jobs" && component.kind === kind);
  return [
    ...jobs("PRE_DEPLOY"),
    ...components.filter(({ list }) => list !== "jobs"),
    ...jobs("POST_DEPLOY"),
    ...jobs("FAILED_DEPLOY").filter(({ component }) => failedJobs.includes(component.name)),
  ];
}

function planSteps(spec: AppSpec, failedJobs: readonly string[] = []): PlannedStep[] {
  const components = componentsOf(spec);
  const named = (listed: readonly SpecComponent[], steps: (component: string, kind: string) => Omit<PlannedStep, "name" | "component">) =>
    listed.map(({ list, component: { name } }) => ({ name, component: name, ...steps(name, KINDS[list]) }));
  return [
    {
      name: "build",
      steps: [{ name: "initialize" }, { name: "components", steps: named(components, (_, kind) => ({ message: `Building ${kind}` })) }],
    },
    {
      name: "deploy",
      steps: [
        { name: "initialize", stage: "deploy" },
        {
          name: "components",
          steps: named(deployOrder(components, failedJobs), (component, kind) => ({
            steps: [
              { name: "deploy", stage: "deploy", component, message: `Deploying ${kind}` },
              { name: "wait", stage: "deploy", component, message: `Waiting for ${kind}` },
            ],
          })),
        },
        { name: "finalize", stage: "deploy" },
      ],
    },
  ];
}

const leafSteps = (step: PlannedStep): PlannedStep[] => (step.steps ? step.steps.flatMap(leafSteps) : [step]);

function combineStatuses(statuses: readonly StepStatus[]): StepStatus {
  if (statuses.includes("ERROR")) return "ERROR";
  if (statuses.every((status) => status === "SUCCESS")) return "SUCCESS";
  return statuses.every((status) => status === "PENDING") ? "PENDING" : "RUNNING";
}
