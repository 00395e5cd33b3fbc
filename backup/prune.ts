/**
 * Removes backups that the retention policy does not keep, and what interrupted runs left. The manifest goes first: a prune that is killed leaves
 * objects without one, which are no backup, and which the next prune removes.
 */
import { takeLease } from "./lease.ts";
import { type DataSet, formatDataSet, keyOf } from "./names.ts";
import { type Backup, groupBySet, type Inventory, type Repository, readInventory } from "./repository.ts";
import { type Candidate, decideRetention, type RetentionPolicy } from "./retention.ts";
import type { ObjectStore } from "./store/object-store.ts";

export interface PrunePlan {
  readonly kept: readonly { readonly backup: Backup; readonly reasons: readonly string[] }[];
  readonly removed: readonly Backup[];
  readonly leftovers: Inventory["leftovers"];
  /** Which it does not touch. */
  readonly refused: Inventory["refused"];
  readonly foreign: Inventory["foreign"];
}

export interface PruneOptions {
  readonly repository: Repository;
  /** Every set of data has its own policy. */
  readonly policyOf: (set: DataSet) => RetentionPolicy;
  readonly set?: DataSet;
  readonly now?: Date;
}

/** A backup that is being made has no manifest yet, and takes less than that. */
export const LEFTOVER_MS = 48 * 3_600_000;

export async function planPrune({ repository, policyOf, set, now = new Date() }: PruneOptions): Promise<PrunePlan> {
  const { backups, leftovers, refused, foreign } = await readInventory(repository, set);
  const kept: { backup: Backup; reasons: readonly string[] }[] = [];
  const removed: Backup[] = [];
  for (const group of groupBySet(backups)) {
    const candidates = group.map((backup): Candidate & { backup: Backup } => ({
      ...{ id: backup.id, startedAt: new Date(backup.manifest.startedAt), backup },
      verified: backup.records.length > 0,
      ...(backup.hold === undefined ? {} : { hold: backup.hold }),
    }));
    // One without data in any copy cannot be restored, so it does not count as the backup of a day.
    const whole = candidates.filter(({ backup }) => backup.copies.length > 0);
    const broken = candidates.filter(({ backup }) => backup.copies.length === 0);
    for (const { backup, reasons } of decideRetention(whole, policyOf(group[0]!.set), now)) {
      if (reasons.length > 0) kept.push({ backup: backup.backup, reasons });
      else removed.push(backup.backup);
    }
    kept.push(...broken.map(({ backup }) => ({ backup, reasons: ["its data is missing: look for it before you remove the manifest"] })));
  }
  return {
    kept,
    removed,
    leftovers: leftovers.filter(({ modifiedAt }) => now.getTime() - modifiedAt.getTime() > LEFTOVER_MS),
    refused,
    foreign,
  };
}

/** Plans again under the lease of each set, and removes. @returns what was removed */
export async function prune(options: PruneOptions): Promise<PrunePlan> {
  const { repository } = options;
  const first = await planPrune(options);
  const sets = [...groupBySet(first.removed).map(([backup]) => backup!.set), ...first.leftovers.map((leftover) => leftover.set)];
  const names = new Map(sets.map((set) => [formatDataSet(set), set]));
  const [removed, leftovers]: [Backup[], Inventory["leftovers"][number][]] = [[], []];
  for (const set of names.values()) {
    const lease = await takeLease(repository.copies[0], set, "a prune");
    try {
      const plan = await planPrune({ ...options, set });
      for (const backup of plan.removed) {
        await lease.confirm();
        for (const copy of repository.copies) await removeBackup(copy, backup);
        removed.push(backup);
      }
      for (const leftover of plan.leftovers) {
        await lease.confirm();
        await leftover.copy.remove(leftover.key);
        leftovers.push(leftover);
      }
    } finally {
      await lease.release();
    }
  }
  return { ...first, removed, leftovers };
}

async function removeBackup(copy: ObjectStore, { set, id }: Backup): Promise<void> {
  await copy.remove(keyOf(set, id, "manifest.json"));
  const rest: string[] = [];
  for await (const { key } of copy.list(`${formatDataSet(set)}/${id}/`)) rest.push(key);
  for (const key of rest) await copy.remove(key);
}
