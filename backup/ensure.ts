/** Makes sure that a recent, verified backup exists before something changes the data: a migration, a seed, another version of an application. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../postdeploy/connect/failure.ts";
import { type Created, type CreateOptions, createBackup } from "./create.ts";
import { formatDataSet } from "./names.ts";
import { type Backup, formatBackup, readInventory } from "./repository.ts";
import { isFuture } from "./retention.ts";
import { type Verified, verifyBackup } from "./verify.ts";

export interface EnsureOptions extends CreateOptions {
  /** A verified backup that is not older is used as it is; 0: none is. */
  readonly maxAgeHours: number;
  /** Whether there is nothing to back up: a database without tables, a store without keys. */
  readonly isEmpty: () => Promise<boolean>;
  /** Ends the wait for another process that makes this backup. */
  readonly signal?: AbortSignal;
}

export interface Ensured {
  readonly set: string;
  readonly outcome: "made" | "recent" | "empty";
  /** "shop/postgres/20261202T070516Z-1c18eed0"; absent where there is nothing to back up. */
  readonly backup?: string;
}

const LOCKED = 75;
/** A worker may be making this very backup. */
const WAIT_MS = 5000;
const PATIENCE_MS = 20 * 60_000;

/** @throws Failure if there is no complete and verified backup at the end */
export async function ensureBackup(options: EnsureOptions): Promise<Ensured> {
  const { repository, set, isEmpty, signal } = options;
  const name = formatDataSet(set);
  if (await isEmpty()) return { set: name, outcome: "empty" };
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { backups } = await readInventory(repository, set);
    const recent = findRecent(backups, options);
    if (recent !== undefined) return { set: name, outcome: "recent", backup: formatBackup(recent) };
    try {
      const { created, verified } = await createVerified(options);
      const problems = [
        ...created.missing.map(({ copy, reason }) => `${copy}: ${reason}`),
        ...verified.copies.flatMap(({ copy, problem }) => (problem === undefined ? [] : [`${copy}: ${problem}`])),
      ];
      if (problems.length === 0) return { set: name, outcome: "made", backup: verified.backup };
      throw new Failure("incomplete", 1, `The backup ${verified.backup} is not complete in every copy. ${problems.join(". ")}`);
    } catch (error) {
      if (!(error instanceof Failure) || error.exit !== LOCKED || Date.now() > deadline) throw error;
      await sleep(WAIT_MS, undefined, { ...(signal && { signal }) });
    }
  }
}

/** One that lacks a copy, or that a holder of one of the keys cannot decrypt, does not count: the settings may have changed since it was made. */
function findRecent(backups: readonly Backup[], { repository, recipients, maxAgeHours }: EnsureOptions): Backup | undefined {
  if (maxAgeHours === 0) return undefined;
  return backups.findLast(({ records, manifest, ...backup }) => {
    const startedAt = new Date(manifest.startedAt);
    const hours = (Date.now() - startedAt.getTime()) / 3_600_000;
    const isComplete = backup.copies.length === repository.copies.length;
    const isReadable = recipients.every((recipient) => manifest.data.recipients.includes(recipient));
    return records.length > 0 && isComplete && isReadable && !isFuture(startedAt) && hours <= maxAgeHours;
  });
}

/** Makes a backup, and reads every byte of it again in every copy. */
export async function createVerified(
  options: CreateOptions,
  onCreated: (created: Created) => void = () => {},
): Promise<{ readonly created: Created; readonly verified: Verified }> {
  const { repository, set, signingKey, tool } = options;
  const created = await createBackup(options);
  onCreated(created);
  const backup = (await readInventory(repository, set)).backups.find(({ id }) => id === created.manifest.id);
  if (backup === undefined) throw new Failure("lost", 1, `${created.manifest.id} is not listed after it was made.`);
  return { created, verified: await verifyBackup({ repository, backup, signingKey, tool }) };
}
