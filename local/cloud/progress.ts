import type { AppSpec, ComponentList } from "./app-spec.ts";
import { componentsOf } from "./app-spec.ts";
import { stamp } from "./waits.ts";

/** The steps of a deployment, as App Platform shows them: what is done, what runs, what waits. */
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

export interface Run {
  readonly spec: AppSpec;
  readonly since: number;
  readonly until: number;
  /** How far it is, from 0 to 1. */
  readonly done: number;
  /** Nothing moves any more, finished or not. */
  readonly stopped: boolean;
  readonly failure?: { readonly component: string; readonly message: string } | undefined;
}

interface Plan {
  readonly name: string;
  readonly component?: string;
  readonly message?: string;
  readonly steps?: readonly Plan[];
}

export function progressOf(run: Run) {
  const plan = planOf(run.spec);
  const leaves = plan.flatMap(leavesOf);
  const failed = run.failure
    ? Math.max(
        0,
        leaves.findIndex((leaf) => leaf.component === run.failure?.component && leaf.name === "wait"),
      )
    : -1;
  const done = run.failure ? failed : Math.floor(run.done * leaves.length);
  const each = (run.until - run.since) / leaves.length;

  const statusOfLeaf = (index: number): StepStatus => {
    if (index < done) return "SUCCESS";
    if (index > done || (run.stopped && !run.failure)) return "PENDING";
    return run.failure ? "ERROR" : "RUNNING";
  };
  const show = (step: Plan): Step => {
    const mine = leavesOf(step).map((leaf) => leaves.indexOf(leaf));
    const status = combine(mine.map(statusOfLeaf));
    const [first = 0, last = first] = [mine[0], mine.at(-1)];
    return {
      name: step.name,
      status,
      ...(step.component && { component_name: step.component }),
      ...(step.message && { message_base: step.message }),
      ...(status !== "PENDING" && { started_at: stamp(run.since + first * each) }),
      ...((status === "SUCCESS" || status === "ERROR") && { ended_at: stamp(run.since + (last + 1) * each) }),
      ...(status === "ERROR" && run.failure && { reason: { code: "DeployContainerExitNonZero", message: run.failure.message } }),
      ...(step.steps && { steps: step.steps.map(show) }),
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
    steps: plan.map(show),
  };
}

const KINDS: Readonly<Record<ComponentList, string>> = {
  services: "service",
  static_sites: "static site",
  workers: "worker",
  jobs: "job",
  functions: "function",
};

function planOf(spec: AppSpec): Plan[] {
  const components = componentsOf(spec);
  const named = (steps: (component: string, kind: string) => Omit<Plan, "name" | "component">) =>
    components.map(({ list, component: { name } }) => ({ name, component: name, ...steps(name, KINDS[list]) }));
  return [
    {
      name: "build",
      steps: [{ name: "initialize" }, { name: "components", steps: named((_, kind) => ({ message: `Building ${kind}` })) }],
    },
    {
      name: "deploy",
      steps: [
        { name: "initialize" },
        {
          name: "components",
          steps: named((component, kind) => ({
            steps: [
              { name: "deploy", component, message: `Deploying ${kind}` },
              { name: "wait", component, message: `Waiting for ${kind}` },
            ],
          })),
        },
        { name: "finalize" },
      ],
    },
  ];
}

const leavesOf = (step: Plan): Plan[] => (step.steps ? step.steps.flatMap(leavesOf) : [step]);

function combine(statuses: readonly StepStatus[]): StepStatus {
  if (statuses.includes("ERROR")) return "ERROR";
  if (statuses.every((status) => status === "SUCCESS")) return "SUCCESS";
  return statuses.every((status) => status === "PENDING") ? "PENDING" : "RUNNING";
}
