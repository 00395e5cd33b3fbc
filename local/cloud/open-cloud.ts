import { join } from "node:path";
import { openAccount } from "./account/account.ts";
import { openDefaultProject } from "./account/projects.ts";
import { resumeApps } from "./apps/deployment-run.ts";
import type { Backing } from "./backing.ts";
import type { Cloud } from "./core/cloud.ts";
import { durationsFor, type Timings } from "./core/time.ts";
import { resumeClusters } from "./databases/cluster-start.ts";
import { listBuckets } from "./spaces/buckets.ts";
import { deleteOrphanedContent } from "./spaces/object-files.ts";
import { objectFiles } from "./spaces/objects.ts";
import { uploadedFiles } from "./spaces/uploads.ts";
import { openSecretCipher } from "./store/secret-cipher.ts";
import { openStore } from "./store/store.ts";

export type { Cloud } from "./core/cloud.ts";

export interface CloudOptions {
  /** Where the state lives; made if missing, readable by its owner only. One process at a time. */
  readonly directory: string;
  /** What really runs: `recordOnly`, or the servers of this machine. */
  readonly backing: Backing;
  /** @default "instant" */
  readonly timings?: Timings;
  /**
   * Whether a variable that is no secret comes back with `type: GENERAL`: as it was sent, or never. DigitalOcean does not always do it, so a
   * program has to live with both (terraform-provider-digitalocean PR 515). It never adds the type: the provider's acceptance tests see no
   * difference after a variable without one.
   * @default true
   */
  readonly echoGeneralType?: boolean;
  /** The account's own Spaces key, which may do everything; without one, buckets are reached with keys made over the API only. */
  readonly spacesKey?: { readonly accessKey: string; readonly secretKey: string };
  /** @default Date.now */
  readonly now?: () => number;
  /** Told of what happens outside any request, such as a server that does not start. @default nobody */
  readonly note?: (line: string) => void;
}

export async function openCloud(options: CloudOptions): Promise<Cloud> {
  const store = await openStore(join(options.directory, "state"));
  const now = options.now ?? Date.now;
  const note = options.note ?? (() => {});
  const running = new Set<Promise<void>>();
  const idle = async () => {
    while (running.size > 0) await Promise.all(running);
    await store.saved();
  };

  const closing = new AbortController();
  const cloud: Cloud = {
    directory: options.directory,
    store,
    backing: options.backing,
    secrets: openSecretCipher(join(options.directory, "state")),
    account: openAccount(store),
    durations: durationsFor(options.timings ?? "instant"),
    echoGeneralType: options.echoGeneralType ?? true,
    spacesKey: options.spacesKey,
    now,
    note,
    withLock: createLocks(),
    background: (what, work) => {
      const task = work()
        .catch((error: unknown) => note(`${what}: ${(error as Error).message}`))
        .finally(() => running.delete(task));
      running.add(task);
    },
    idle,
    closing: closing.signal,
    close: async () => {
      closing.abort();
      await idle();
      await options.backing.close();
      await store.close();
    },
  };

  openDefaultProject(cloud);
  await deleteOrphanedFiles(cloud);
  cloud.background("starting what ran before", async () => {
    await resumeClusters(cloud);
    resumeApps(cloud);
  });
  await store.saved();
  return cloud;
}

/** One at a time for each key, in the order of asking: two requests for the same cluster must not both find a name free. */
function createLocks(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const before = tails.get(key) ?? Promise.resolve();
    const task = before.then(work, work);
    const tail = task.catch(() => {}).finally(() => tails.get(key) === tail && tails.delete(key));
    tails.set(key, tail);
    return task;
  };
}

/** At the start: files that no record names are removed. */
async function deleteOrphanedFiles(cloud: Cloud): Promise<void> {
  const recorded = listBuckets(cloud).flatMap(({ name }) => [...objectFiles(cloud, name), ...uploadedFiles(cloud, name)]);
  await deleteOrphanedContent(cloud, new Set(recorded));
}
