/** What `slipway backup fork` would do; nothing is changed yet. */
import { quoteWord } from "../../catalog/shell.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { ApiClient } from "../recover/api.ts";
import { type Cluster, defaultForkName, findSource, listClusters } from "./clusters.ts";
import { readTrustedSources, type TrustedSource } from "./firewall.ts";
import { checkPointInTime, formatTime } from "./time.ts";

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
  // An empty list would create a cluster that is open to every address.
  if (rules === undefined)
    throw new Failure(
      "trusted-sources",
      1,
      `The API returns no list of trusted sources for ${source.name}. Nothing was created. Run this again.`,
    );
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
