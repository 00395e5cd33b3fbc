/** Whether each set of data has a recent backup in every copy, and one that was restored not long ago. */
import { readJsonInventory } from "./json-inventory.ts";
import { type DataSet, formatDataSet } from "./names.ts";
import { type Backup, type Inventory, type Repository, readInventory } from "./repository.ts";
import { isFuture } from "./retention.ts";

export interface StatusOptions {
  readonly repository: Repository;
  /** Those that must have backups. */
  readonly sets: readonly DataSet[];
  /** Systems that must have an export of the last `maxAgeHours`. Others have one only during a phase, so those can be old. */
  readonly exported?: readonly string[];
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
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly kind: "missing" | "old" | "incomplete" | "future" | "not-rehearsed";
  /** Without the full stop. */
  readonly text: string;
  /** "Make one", and the command that does. */
  readonly next?: { readonly advice: string; readonly command: string };
}

const problem = (kind: Problem["kind"], text: string, advice: string, command: string): Problem => ({
  kind,
  text,
  next: { advice, command },
});

export const formatProblem = ({ text, next }: Problem): string => (next === undefined ? text : `${text}. ${next.advice}: ${next.command}`);

/** The backups of a day, with room for one that starts late; and a restore a month. */
export const DEFAULT_LIMITS = { maxAgeHours: 26, maxRehearsalDays: 31 } as const;
const CREATE = "slipway backup create";
const REHEARSE = "slipway backup rehearse";

/** Of the JSON files that a system's tables were exported as. */
export interface ExportStatus extends Pick<SetStatus, "set" | "newest" | "count" | "problems"> {}

export interface Status {
  readonly sets: readonly SetStatus[];
  readonly exports: readonly ExportStatus[];
  readonly refused: Inventory["refused"];
}

export async function readStatus(options: StatusOptions): Promise<Status> {
  const { repository, sets, exported = [], maxAgeHours, maxRehearsalDays, now = new Date() } = options;
  const { backups, refused } = await readInventory(repository);
  const json = await readJsonInventory(repository);
  const exports = json.stored.filter(({ kind }) => kind === "json-export");
  const named = new Map([...sets, ...backups.map(({ set }) => set)].map((set) => [formatDataSet(set), set]));
  return {
    sets: [...named.keys()].sort().map((name) =>
      statusOf(
        name,
        backups.filter(({ set }) => formatDataSet(set) === name),
      ),
    ),
    exports: [...new Set([...exported, ...exports.map(({ system }) => system)])].sort().map(exportsOf),
    refused: [...refused, ...json.refused],
  };

  function exportsOf(system: string): ExportStatus {
    const own = exports.filter((one) => one.system === system);
    const set = `${system}/json-export`;
    const create = (advice: string) => [advice, `slipway data export --system ${system}`] as const;
    const isRequired = exported.includes(system);
    const newest = own.findLast(({ manifest }) => !isFuture(new Date(manifest.at), now));
    if (newest === undefined)
      return { set, count: own.length, problems: isRequired ? [problem("missing", "there is no export", ...create("Make one"))] : [] };
    const ageHours = (now.getTime() - Date.parse(newest.manifest.at)) / 3_600_000;
    const absent = repository.copies.filter((copy) => !newest.copies.includes(copy)).map(({ name }) => name);
    return {
      ...{ set, count: own.length },
      newest: {
        ...{ id: newest.id, startedAt: newest.manifest.at, ageHours: Math.round(ageHours * 10) / 10 },
        ...{ copies: newest.copies.map(({ name }) => name), bytes: newest.bytes },
      },
      problems: [
        ...(isRequired && ageHours > maxAgeHours
          ? [
              problem(
                "old",
                `the newest export is ${formatHours(ageHours)} old; the limit is ${formatHours(maxAgeHours)}`,
                ...create("Make one"),
              ),
            ]
          : []),
        ...(absent.length > 0
          ? [problem("incomplete", `the newest export is missing or incomplete in ${absent.join(", ")}`, ...create("Make another one"))]
          : []),
      ],
    };
  }

  function statusOf(set: string, all: readonly Backup[]): SetStatus {
    const future = all.filter(({ manifest }) => isFuture(new Date(manifest.startedAt), now));
    const past = all.filter((backup) => !future.includes(backup));
    const newest = past.at(-1);
    const problems = future.map(
      ({ id }): Problem => ({ kind: "future", text: `the time of ${id} is in the future: check the clock of the machine that made it` }),
    );
    const rehearsed = past
      .flatMap(({ records }) => records.filter(({ kind }) => kind === "rehearsed"))
      .sort((one, other) => (one.at < other.at ? -1 : 1))
      .at(-1);
    if (newest === undefined)
      return { set, count: all.length, problems: [...problems, problem("missing", "there is no backup", "Make one", CREATE)] };
    const ageHours = (now.getTime() - Date.parse(newest.manifest.startedAt)) / 3_600_000;
    if (ageHours > maxAgeHours)
      problems.push(
        problem("old", `the newest backup is ${formatHours(ageHours)} old; the limit is ${formatHours(maxAgeHours)}`, "Make one", CREATE),
      );
    const absent = repository.copies.filter((copy) => !newest.copies.includes(copy));
    if (absent.length > 0)
      problems.push(
        problem(
          "incomplete",
          `the newest backup is missing or incomplete in ${absent.map(({ name }) => name).join(", ")}`,
          "Make another one",
          CREATE,
        ),
      );
    const days = rehearsed && (now.getTime() - Date.parse(rehearsed.at)) / 86_400_000;
    if (days === undefined)
      problems.push(problem("not-rehearsed", "no backup has been rehearsed", "To restore one for practice", REHEARSE));
    else if (days > maxRehearsalDays)
      problems.push(
        problem(
          "not-rehearsed",
          `the last rehearsal was ${formatCount(Math.floor(days), "day")} ago; the limit is ${formatCount(maxRehearsalDays, "day")}`,
          "Rehearse",
          REHEARSE,
        ),
      );
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
    ? formatCount(Math.min(59, Math.max(1, Math.round(hours * 60))), "minute")
    : hours < 48
      ? formatCount(Math.round(hours), "hour")
      : formatCount(Math.round(hours / 24), "day");

const formatCount = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? "" : "s"}`;
