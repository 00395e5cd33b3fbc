/**
 * The post-deploy steps of a deployment: roles, migrations and keyspaces.
 *
 * `step` implements the methods of a Pulumi dynamic provider (check, diff, create, update, delete) on plain data, without importing Pulumi. The state
 * contains names and digests; connection URLs are encrypted inputs.
 */
import { createHash } from "node:crypto";
import { runStoppable, stopWithEngine } from "./provider-process.ts";
import type { Inputs, StepKind } from "./step.ts";

export { findFileErrors } from "./check-files.ts";
export { stopWithEngine } from "./provider-process.ts";

/** Imported on demand: a provider process runs one kind of step. */
const KINDS = {
  Roles: () => import("./roles/step.ts"),
  Migrations: () => import("./migrate/step.ts"),
  Keyspaces: () => import("./keyspaces/step.ts"),
} satisfies Record<string, () => Promise<StepKind>>;

/** Pulumi's placeholder for unknown values. */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export async function step(kind: string, method: string, ...args: unknown[]): Promise<unknown> {
  if (!Object.hasOwn(KINDS, kind))
    throw new Error(
      `Unknown post-deploy step "${kind}". Known steps: ${Object.keys(KINDS).join(", ")}. If a newer slipway wrote the state, update slipway.`,
    );
  return await runStep(kind, await KINDS[kind as keyof typeof KINDS](), method, args);
}

/** The methods of a dynamic provider for one kind of step. */
export async function runStep(kind: string, kindOfStep: StepKind, method: string, args: readonly unknown[]): Promise<unknown> {
  stopWithEngine();
  const argument = (index: number) => (args[index] ?? {}) as Inputs;
  switch (method) {
    case "check": {
      const news = { ...argument(1), ...(await kindOfStep.collectPreviewData?.(argument(1))) };
      const drift = await findDrift(kindOfStep, argument(0), news);
      return {
        inputs: {
          ...news,
          pending: kindOfStep.pending(argument(0), { ...news, drift }),
          ...(drift.length === 0 ? {} : { drift, driftFound: now() }),
        },
        failures: [],
      };
    }
    case "diff":
      return { changes: differs(kindOfStep, argument(1), argument(2)), replaces: [], deleteBeforeReplace: false };
    case "create":
      return { id: `${argument(0).system}/${kind.toLowerCase()}`, outs: await outcome(kindOfStep, argument(0)) };
    case "update":
      return { outs: await outcome(kindOfStep, argument(2)) };
    case "read":
      // `check` and each run read the database. A refresh could not: it passes no connection, because the state has none unencrypted.
      return { id: args[0], props: argument(1) };
    case "delete":
      // Deleting a step drops no table, role or key.
      return undefined;
    default:
      throw new Error(`A post-deploy step has no method "${method}".`);
  }
}

/** Runs one step without a Pulumi state, in a job inside the VPC. Idempotent. */
export async function run(kind: keyof typeof KINDS, inputs: Inputs): Promise<Record<string, unknown>> {
  return (await KINDS[kind]()).apply(inputs);
}

async function outcome(kind: StepKind, inputs: Inputs): Promise<Record<string, unknown>> {
  const {
    url: _url,
    ca: _ca,
    stores: _stores,
    repository: _repository,
    account: _account,
    pending: _pending,
    drift: _drift,
    driftFound,
    __provider,
    ...shown
  } = inputs;
  const result = await runStoppable((signal) => kind.apply(inputs, signal));
  // Pulumi shows what a provider's process prints.
  for (const notice of (result.notices ?? []) as readonly string[]) console.warn(notice);
  return { ...shown, ...result, driftUndone: driftFound ?? "", identity: identity(kind, inputs), __provider };
}

const now = () => new Date().toISOString();

/** Nothing where the step has not run yet, or is to connect to what does not exist yet. */
async function findDrift(kind: StepKind, olds: Inputs, news: Inputs): Promise<readonly string[]> {
  if (kind.findDrift === undefined || Object.keys(olds).length === 0 || hasUnknown(news)) return [];
  return await kind.findDrift(news, olds);
}

const hasUnknown = (inputs: Inputs): boolean => JSON.stringify(inputs).includes(UNKNOWN);

function differs(kind: StepKind, olds: Inputs, news: Inputs): boolean {
  const triggered = kind.trigger !== undefined && news[kind.trigger] !== undefined && olds[kind.trigger] !== news[kind.trigger];
  // A refresh passes the inputs of the last run, whose drift is undone.
  const drifted = news.driftFound !== undefined && news.driftFound !== olds.driftUndone;
  return triggered || drifted || hasUnknown(news) || olds.identity !== identity(kind, news);
}

function identity(kind: StepKind, inputs: Inputs): string {
  return createHash("sha256")
    .update(JSON.stringify(kind.identity(inputs)))
    .digest("hex");
}
