/** Waits for the new cluster, within bounds. DigitalOcean goes on creating it if this process ends. */
import { setTimeout as wait } from "node:timers/promises";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { ApiClient } from "../recover/api.ts";
import { type Cluster, readCluster } from "./clusters.ts";

export interface WaitOptions {
  readonly api: ApiClient;
  readonly minutes: number;
  readonly report: (line: string) => void;
  /** What goes on waiting: "slipway backup fork … --resume". */
  readonly resume: string;
  /** Runs at each look at the cluster, such as what DigitalOcean accepts only later. */
  readonly whileWaiting?: () => Promise<void>;
  /** @default process's timers */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/** DigitalOcean allows 5000 requests an hour; a look makes one or two. */
const POLL_MS = 15_000;
const MINUTE_MS = 60_000;
/** The statuses of a cluster in DigitalOcean's API document, without `online`. */
const UNFINISHED = ["creating", "forking", "resizing", "migrating"];
/** A new cluster may be missing from a reply for a moment. */
const MISSING_AT_MOST = 3;

/** @returns the cluster, online */
export async function waitUntilCreated(
  { id, name }: Pick<Cluster, "id" | "name">,
  { api, minutes, report, resume, whileWaiting = async () => {}, pause = wait }: WaitOptions,
): Promise<Cluster> {
  let [status, missing, reported] = ["creating", 0, ""];
  for (let waited = 0; ; waited += POLL_MS) {
    const cluster = await readCluster(api, id);
    missing = cluster === undefined ? missing + 1 : 0;
    if (missing === MISSING_AT_MOST)
      throw new Failure("deleted", 1, `Cluster ${name} (${id}) does not exist any more: it was deleted while it was being created.`);
    status = cluster?.status ?? status;
    if (cluster?.status === "online") return cluster;
    if (!UNFINISHED.includes(status))
      throw new Failure(
        "fork-failed",
        1,
        `Cluster ${name} (${id}) has the status "${status}", so the fork failed. It may cost money until it is deleted. See why, then delete it:\n  doctl databases get ${id}\n  doctl databases delete ${id}`,
      );
    await whileWaiting();
    if (waited >= minutes * MINUTE_MS)
      throw new Failure(
        "still-creating",
        75,
        `Cluster ${name} (${id}) is still ${status} after ${minutes} minutes. DigitalOcean goes on, and it costs money. Go on waiting, or delete it:\n  ${resume}\n  doctl databases delete ${id}`,
      );
    const line = `${name}: ${status}, ${Math.floor(waited / MINUTE_MS)} of at most ${minutes} minutes`;
    if (line !== reported) report(line);
    reported = line;
    await pause(POLL_MS);
  }
}
