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
  /** The state directory. Created if missing, with mode 0700, and locked: one process at a time. */
  readonly directory: string;
  /** What runs behind the cloud: `recordOnly`, or the servers on this machine. */
  readonly backing: Backing;
  /** @default "instant" */
  readonly timings?: Timings;
  /**
   * Whether `type: GENERAL` of a variable is returned if it was sent. DigitalOcean is not consistent (terraform-provider-digitalocean PR 515),
   * so programs must handle both. The type is never added: the provider's acceptance tests expect no difference for a variable without one.
   * @default true
   */
  readonly echoGeneralType?: boolean;
  /** The account's own Spaces key, with full access. @default none: only keys created over the API exist */
  readonly spacesKey?: { readonly accessKey: string; readonly secretKey: string };
  /** @default Date.now */
  readonly now?: () => number;
  /** Receives messages about background work, such as a server that does not start. @default none */
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
  cloud.background("resuming clusters and apps", async () => {
    await resumeClusters(cloud);
    resumeApps(cloud);
  });
  await store.saved();
  return cloud;
}

/** Serializes work per key, in call order: two requests for one cluster must not both find a name free. */
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

/** Deletes content files that no record names. */
async function deleteOrphanedFiles(cloud: Cloud): Promise<void> {
  const recorded = listBuckets(cloud).flatMap(({ name }) => [...objectFiles(cloud, name), ...uploadedFiles(cloud, name)]);
  await deleteOrphanedContent(cloud, new Set(recorded));
}
