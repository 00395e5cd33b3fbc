/** `slipway backup fork`: a new cluster at DigitalOcean, with the data of another one as it was at a point in time. */
import { setTimeout as sleep } from "node:timers/promises";
import { stableJson } from "../../engine/mask.ts";
import { type Cluster, checkName } from "../../operate/fork/clusters.ts";
import {
  type Applied,
  formatSources,
  isSame,
  openClusterFailure,
  readTrustedSources,
  setTrustedSources,
} from "../../operate/fork/firewall.ts";
import { requestFork } from "../../operate/fork/request.ts";
import { formatTime, parsePointInTime } from "../../operate/fork/time.ts";
import { waitUntilCreated } from "../../operate/fork/wait.ts";
import { openWriter, type Writer } from "../../operate/fork/writer.ts";
import { type ApiClient, openApi } from "../../operate/recover/api.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import { withFailures } from "./failures.ts";
import type { ForkOptions } from "./flags.ts";
import { type ForkPlan, planFork } from "./fork-plan.ts";
import { findTarget } from "./fork-target.ts";
import { formatForked, formatForkPlan, priceOf } from "./fork-text.ts";

const DEFAULT_MINUTES = 60;
/** Of setting the trusted sources once the cluster is online. */
const FINAL_ATTEMPTS = 3;
const FINAL_PAUSE_MS = 5_000;

type Pause = (milliseconds: number) => Promise<unknown>;

export const fork = withFailures(async (options: ForkOptions, terminal) => await forkCluster(options, terminal));

/** @param pause of tests. @returns the exit code */
export async function forkCluster(options: ForkOptions, terminal: Terminal, pause?: Pause): Promise<number> {
  const stop = new AbortController();
  const wait = pause ?? ((milliseconds: number) => sleep(milliseconds, undefined, { signal: stop.signal }));
  const { pointInTime, forkName, yes, resume, timeout: minutes = DEFAULT_MINUTES, json } = options;
  if (pointInTime === undefined) throw new UsageError("As of when? --point-in-time 2026-12-01T10:30:00Z");
  const time = parsePointInTime(pointInTime);
  if (forkName !== undefined) checkName(forkName);
  if (resume && forkName === undefined) throw new UsageError("Which cluster did the earlier run request? --fork-name <name>");
  const target = await findTarget(options);
  const account = { api: openApi({ ...target, pause: wait }), writer: openWriter({ ...target, pause: wait }) };
  const plan = await planFork(target, { api: account.api, time, forkName, resume: resume === true });
  if (!yes && !resume) {
    terminal.print(json ? stableJson({ done: false, ...toJson(plan) }) : formatForkPlan(plan, terminal));
    return DONE;
  }
  const created = await untilSignal(stop, () => carryOut(plan, { ...account, minutes, pause: wait, report: (line) => terminal.log(line) }));
  terminal.print(
    json
      ? stableJson({ done: true, ...toJson(plan), id: created.id, host: created.host, port: created.port, user: created.user })
      : formatForked(plan, created, terminal),
  );
  return DONE;
}

/** From the request on, a signal ends the wait with what the operator must know; before it, it ends the process as usual. */
async function untilSignal<T>(stop: AbortController, work: () => Promise<T>): Promise<T> {
  const interrupt = () => stop.abort();
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) process.once(signal, interrupt);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

interface Work {
  readonly api: ApiClient;
  readonly writer: Writer;
  readonly minutes: number;
  readonly pause: Pause;
  readonly report: (line: string) => void;
}

async function carryOut(plan: ForkPlan, work: Work): Promise<Cluster> {
  const { api, minutes, pause, report } = work;
  let created = plan.requested;
  try {
    if (created === undefined) {
      report(`Requesting ${plan.name} as of ${formatTime(plan.time)}`);
      created = await requestFork(plan, work);
    }
    const { id } = created;
    const guard = createGuard(id, plan, work);
    await guard.apply();
    const resume = `${plan.command} --resume`;
    const online = await waitUntilCreated(created, { api, minutes, pause, report, resume, whileWaiting: guard.apply });
    await guard.verify();
    return online;
  } catch (error) {
    throw describeEnd(error, plan, created);
  }
}

/** Gives the new cluster the trusted sources of its source as soon as DigitalOcean accepts them. */
function createGuard(id: string, { rules, requested }: ForkPlan, { api, writer, pause, report }: Work) {
  let applied: Applied = { done: false, reason: "" };

  /** An earlier run's cluster may have got other sources by hand: only a cluster that is open to every address is changed. */
  async function isLeft(): Promise<boolean> {
    if (requested === undefined) return false;
    const actual = await readTrustedSources(api, id);
    if (actual.length === 0) return false;
    if (!isSame(actual, rules)) report(`${requested.name} has trusted sources of its own, which stay: ${formatSources(actual)}`);
    return true;
  }

  async function apply(): Promise<void> {
    if (applied.done) return;
    const before = applied;
    applied = rules.length === 0 || (await isLeft()) ? { done: true } : await setTrustedSources(id, rules, { api, writer });
    if (!applied.done && applied.reason !== before.reason) report(`The trusted sources are not set yet: ${applied.reason}. Trying again.`);
  }

  return {
    apply,
    /** The end of the creation may have replaced them. */
    async verify(): Promise<void> {
      applied = { done: false, reason: "" };
      for (let attempt = 1; ; attempt++) {
        await apply();
        if (applied.done) return;
        if (attempt === FINAL_ATTEMPTS) throw openClusterFailure(id, rules, applied.reason);
        await pause(FINAL_PAUSE_MS);
      }
    },
  };
}

/** However it ends, the operator learns that a cluster exists and costs money. */
function describeEnd(error: unknown, { name, command }: ForkPlan, created: Cluster | undefined): unknown {
  if (error instanceof Failure) return error;
  const isInterrupted = (error as Error).name === "AbortError";
  if (created === undefined)
    return isInterrupted
      ? new Failure(
          "outcome-unknown",
          3,
          `Interrupted before DigitalOcean confirmed cluster ${name}. It may be created all the same, and would cost money. Look for it: doctl databases list`,
        )
      : error;
  const what = isInterrupted ? "Interrupted." : (error as Error).message;
  return new Failure(
    isInterrupted ? "interrupted" : "wait-failed",
    isInterrupted ? 75 : 1,
    `${what}\nDigitalOcean goes on creating cluster ${name} (${created.id}), and it costs money. Go on waiting, or delete it:\n  ${command} --resume\n  doctl databases delete ${created.id}`,
  );
}

const toJson = ({ source, name, time, rules, requested }: ForkPlan) => ({
  source: { id: source.id, name: source.name },
  name,
  pointInTime: formatTime(time),
  size: source.size,
  nodes: source.nodes,
  region: source.region,
  version: source.version,
  trustedSources: rules,
  monthlyUsd: priceOf(requested ?? source) ?? null,
});
