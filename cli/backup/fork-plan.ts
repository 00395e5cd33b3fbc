/** What `slipway backup fork` would do; nothing is changed yet. */
import { quoteWord } from "../../catalog/shell.ts";
import { type Cluster, defaultForkName, findSource, listClusters } from "../../operate/fork/clusters.ts";
import { readTrustedSources, type TrustedSource } from "../../operate/fork/firewall.ts";
import { checkPointInTime, formatTime } from "../../operate/fork/time.ts";
import type { ApiClient } from "../../operate/recover/api.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";

export interface ForkPlan {
  readonly source: Cluster;
  readonly name: string;
  readonly time: Date;
  readonly rules: readonly TrustedSource[];
  /** The new cluster, if an earlier run has requested it. */
  readonly requested?: Cluster;
  /** What requests it, without `--yes` or `--resume`. */
  readonly command: string;
}

interface Wanted {
  readonly api: ApiClient;
  readonly time: Date;
  readonly forkName: string | undefined;
  readonly resume: boolean;
}

export async function planFork(
  { cluster, flags }: { readonly cluster: string; readonly flags: string },
  { api, time, forkName, resume }: Wanted,
): Promise<ForkPlan> {
  const clusters = await listClusters(api);
  const source = findSource(clusters, cluster);
  const name = forkName ?? defaultForkName(source.name, formatTime(time));
  const existing = clusters.find((one) => one.name === name);
  const command = `slipway backup fork${flags === "" ? "" : ` ${flags}`} --cluster ${source.id} --point-in-time ${formatTime(time)} --fork-name ${quoteWord(name)}`;
  if (resume) checkResumed(name, existing, source);
  else {
    if (existing !== undefined) throw nameTaken(existing, command);
    await checkPointInTime(time, { api, source, now: new Date() });
  }
  const rules = await readTrustedSources(api, source.id);
  return { source, name, time, rules, command, ...(existing && { requested: existing }) };
}

function nameTaken({ id, name, status, createdAt }: Cluster, command: string): Failure {
  return new Failure(
    "name-taken",
    2,
    `There is a cluster ${name} already (${id}, ${status}, created ${createdAt}). Nothing was created. If an earlier run requested it, go on with it; else choose another --fork-name:\n  ${command} --resume`,
  );
}

function checkResumed(name: string, existing: Cluster | undefined, source: Cluster): void {
  if (existing === undefined)
    throw new Failure("no-cluster", 2, `There is no cluster ${name} to wait for. To request it, leave out --resume and add --yes.`);
  if (existing.id === source.id || existing.engine !== "pg" || existing.createdAt < source.createdAt)
    throw new Failure(
      "not-a-fork",
      2,
      `Cluster ${name} (${existing.id}) is not a fork of ${source.name}. Name the one that the earlier run requested: --fork-name <name>`,
    );
}
