/** Makes sure that a recent, verified backup exists before something changes the data: a migration, a seed, another version of an application. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../postdeploy/connect/failure.ts";
import { type Created, type CreateOptions, createBackup } from "./create.ts";
import { formatDataSet } from "./names.ts";
import { findShortcoming, type Needed } from "./recent.ts";
import { formatBackup, readInventory } from "./repository.ts";
import { type Verified, verifyBackup } from "./verify.ts";

export interface EnsureOptions extends CreateOptions {
  /** A verified backup that is not older is used as it is; 0: none is. */
  readonly maxAgeHours: number;
  readonly inspect: () => Promise<SourceState>;
  /** Ends the wait for another process that makes this backup. */
  readonly signal?: AbortSignal;
}

export interface SourceState {
  /** Whether there is nothing to back up: a database without tables, a store without keys. */
  readonly isEmpty: boolean;
  /** Which server it is; undefined where the server does not say it. */
  readonly origin: string | undefined;
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
const PATIENCE_MS = 2 * 3_600_000;

/** @throws Failure if there is no complete and verified backup at the end */
export async function ensureBackup(options: EnsureOptions): Promise<Ensured> {
  const { repository, set, recipients, maxAgeHours, inspect, signal } = options;
  const name = formatDataSet(set);
  const { isEmpty, origin } = await inspect();
  if (isEmpty) return { set: name, outcome: "empty" };
  const needed: Needed = { maxAgeHours, copies: repository.copies.length, recipients, origin };
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const { backups } = await readInventory(repository, set);
    const recent = maxAgeHours === 0 ? undefined : backups.findLast((backup) => findShortcoming(backup, needed) === undefined);
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
