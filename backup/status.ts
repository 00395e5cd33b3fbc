/** Whether each set of data has a recent backup in every copy, and one that was restored not long ago. */
import { type DataSet, formatDataSet } from "./names.ts";
import { type Backup, formatBackup, type Inventory, type Repository, readInventory } from "./repository.ts";

export interface StatusOptions {
  readonly repository: Repository;
  /** Those that must have backups. */
  readonly sets: readonly DataSet[];
  readonly maxAgeHours: number;
  readonly maxRehearsalDays: number;
  readonly now?: Date;
}

export interface SetStatus {
  readonly set: string;
  readonly newest?: {
    readonly id: string;
    readonly startedAt: string;
    readonly ageHours: number;
    readonly copies: readonly string[];
    readonly bytes: number;
  };
  readonly count: number;
  readonly rehearsed?: { readonly id: string; readonly at: string };
  /** Empty: all is well. */
  readonly problems: readonly string[];
}

export interface Status {
  readonly sets: readonly SetStatus[];
  readonly refused: Inventory["refused"];
}

export async function readStatus({ repository, sets, maxAgeHours, maxRehearsalDays, now = new Date() }: StatusOptions): Promise<Status> {
  const { backups, refused } = await readInventory(repository);
  const named = new Map([...sets, ...backups.map(({ set }) => set)].map((set) => [formatDataSet(set), set]));
  return {
    sets: [...named.keys()].sort().map((name) =>
      statusOf(
        name,
        backups.filter(({ set }) => formatDataSet(set) === name),
      ),
    ),
    refused,
  };

  function statusOf(set: string, all: readonly Backup[]): SetStatus {
    const future = all.filter(({ manifest }) => Date.parse(manifest.startedAt) > now.getTime() + 300_000);
    const past = all.filter((backup) => !future.includes(backup));
    const newest = past.at(-1);
    const problems = future.map((backup) => `${formatBackup(backup)} begins in the future: check the clock of the machine that made it`);
    const rehearsed = past
      .flatMap(({ records }) => records.filter(({ kind }) => kind === "rehearsed"))
      .sort((one, other) => (one.at < other.at ? -1 : 1))
      .at(-1);
    if (newest === undefined)
      return { set, count: all.length, problems: [...problems, "there is no backup. Make one: slipway backup create"] };
    const ageHours = (now.getTime() - Date.parse(newest.manifest.startedAt)) / 3_600_000;
    if (ageHours > maxAgeHours) problems.push(`the newest backup is ${formatHours(ageHours)} old, and may be ${formatHours(maxAgeHours)}`);
    const absent = repository.copies.filter((copy) => !newest.copies.includes(copy));
    if (absent.length > 0) problems.push(`the newest backup is not whole in ${absent.map(({ name }) => name).join(", ")}`);
    const days = rehearsed && (now.getTime() - Date.parse(rehearsed.at)) / 86_400_000;
    if (days === undefined) problems.push("no backup was ever rehearsed. Do it: slipway backup rehearse");
    else if (days > maxRehearsalDays) problems.push(`the last rehearsal was ${Math.floor(days)} days ago, and may be ${maxRehearsalDays}`);
    return {
      ...{ set, count: all.length, problems },
      newest: {
        ...{ id: newest.id, startedAt: newest.manifest.startedAt, ageHours: Math.round(ageHours * 10) / 10 },
        ...{ copies: newest.copies.map(({ name }) => name), bytes: newest.manifest.data.bytes },
      },
      ...(rehearsed && { rehearsed: { id: rehearsed.id, at: rehearsed.at } }),
    };
  }
}

export const formatHours = (hours: number): string =>
  hours < 1
    ? `${Math.max(1, Math.round(hours * 60))} minutes`
    : hours < 48
      ? `${Math.round(hours)} hours`
      : `${Math.round(hours / 24)} days`;
