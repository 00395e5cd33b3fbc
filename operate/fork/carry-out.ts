/** Requests the fork, gives it its trusted sources, and waits for it. */
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { ApiClient } from "../recover/api.ts";
import type { Cluster } from "./clusters.ts";
import {
  type Applied,
  formatSources,
  isSame,
  openClusterFailure,
  readTrustedSources,
  setTrustedSources,
  type TrustedSource,
} from "./firewall.ts";
import type { ForkPlan } from "./plan.ts";
import { requestFork } from "./request.ts";
import { formatTime } from "./time.ts";
import { waitUntilCreated } from "./wait.ts";
import type { Writer } from "./writer.ts";

/** Of setting the trusted sources once the cluster is online. */
const FINAL_ATTEMPTS = 3;
const FINAL_PAUSE_MS = 5_000;

export interface Work {
  readonly api: ApiClient;
  readonly writer: Writer;
  readonly minutes: number;
  readonly pause: (milliseconds: number) => Promise<unknown>;
  readonly report: (line: string) => void;
}

export interface Forked {
  readonly cluster: Cluster;
  readonly trustedSources: readonly TrustedSource[];
}

/** @returns the new cluster, online, with the trusted sources that the API returns for it */
export async function carryOut(plan: ForkPlan, work: Work): Promise<Forked> {
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
    const cluster = await waitUntilCreated(created, { api, minutes, pause, report, resume, whileWaiting: guard.apply });
    await guard.verify();
    return { cluster, trustedSources: (await readTrustedSources(api, id)) ?? [] };
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
    if (actual === undefined || actual.length === 0) return false;
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
