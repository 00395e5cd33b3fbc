/** `slipway backup fork`: a new cluster at DigitalOcean, with the data of another one as it was at a point in time. */
import { setTimeout as sleep } from "node:timers/promises";
import { stableJson } from "../../engine/mask.ts";
import { carryOut } from "../../operate/fork/carry-out.ts";
import { type Cluster, checkName } from "../../operate/fork/clusters.ts";
import { type ForkPlan, planFork } from "../../operate/fork/plan.ts";
import { formatTime, parsePointInTime } from "../../operate/fork/time.ts";
import { openWriter } from "../../operate/fork/writer.ts";
import { openApi } from "../../operate/recover/api.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import { withStopSignal } from "../shared/stop-signal.ts";
import type { Terminal } from "../shared/terminal.ts";
import { withFailures } from "./failures.ts";
import type { ForkOptions } from "./flags.ts";
import { findTarget } from "./fork-target.ts";
import { formatForked, formatForkPlan, priceOf } from "./fork-text.ts";

const DEFAULT_MINUTES = 60;
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
  // From the request on, a signal ends the wait with what the operator must know; before it, it ends the process as usual.
  const { cluster, trustedSources } = await withStopSignal(
    () => carryOut(plan, { ...account, minutes, pause: wait, report: (line) => terminal.log(line) }),
    stop,
  );
  terminal.print(
    json
      ? stableJson({ done: true, ...toJson(plan), ...pick(cluster), trustedSources })
      : formatForked(plan, { cluster, trustedSources }, terminal),
  );
  return DONE;
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

const pick = ({ id, host, port, user }: Cluster) => ({ id, host, port, user });
