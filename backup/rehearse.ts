/** Restores backups for practice, compares them with their manifests, and records what happened. Nothing to rehearse is a failure. */
import { randomInt } from "node:crypto";
import { Failure } from "../postdeploy/connect/failure.ts";
import { type Backup, formatBackup, type Repository, writeRecord } from "./repository.ts";
import { isFuture } from "./retention.ts";
import type { SigningKey } from "./signature.ts";
import type { ObjectStore } from "./store/object-store.ts";

export interface RehearseOptions {
  readonly repository: Repository;
  readonly backups: readonly Backup[];
  /** Restores into something that is thrown away. @returns the version of the server */
  readonly restore: (backup: Backup, copy: ObjectStore) => Promise<string>;
  readonly signingKey: SigningKey;
  readonly tool: string;
}

export interface Rehearsal {
  readonly backup: string;
  readonly copy: string;
  readonly seconds: number;
  readonly server?: string;
  readonly problem?: string;
}

/** The newest backup and a random older one, so that all of them are rehearsed in the long run. */
export function chooseRehearsed(backups: readonly Backup[]): Backup[] {
  const whole = backups.filter(({ copies, manifest }) => copies.length > 0 && !isFuture(new Date(manifest.startedAt)));
  const newest = whole.at(-1);
  if (newest === undefined) throw new Failure("nothing", 1, "There is no backup to rehearse. Make one: slipway backup create");
  const older = whole.slice(0, -1);
  return [newest, ...(older.length > 0 ? [older[randomInt(older.length)]!] : [])];
}

export async function rehearse({ repository, backups, restore, signingKey, tool }: RehearseOptions): Promise<Rehearsal[]> {
  const results: Rehearsal[] = [];
  for (const backup of backups) {
    // Not always the same copy.
    const copy = backup.copies[randomInt(backup.copies.length)]!;
    const start = performance.now();
    const seconds = () => Math.round(performance.now() - start) / 1000;
    try {
      const server = await restore(backup, copy);
      const took = seconds();
      results.push({ backup: formatBackup(backup), copy: copy.name, seconds: took, server });
      await writeRecord(repository, backup, { kind: "rehearsed", seconds: took, copy: copy.name, tool, server }, signingKey);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      results.push({ backup: formatBackup(backup), copy: copy.name, seconds: seconds(), problem: error.message });
    }
  }
  return results;
}
