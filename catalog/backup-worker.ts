/**
 * The command that the worker of a deployed stack runs. It contains the schedule and the retention in full, so that the app's spec, a plan and a preview
 * show them, and a review can compare two of them.
 */
import { hasFlag, readCommand } from "./command-flags.ts";
import { DEFAULT_RETENTION, type Retention } from "./retention.ts";

export interface WorkerSchedule {
  readonly system: string;
  /** Once a day, from this hour on, UTC. */
  readonly dailyAtHour: number;
  /** Also once an hour, from this minute on. */
  readonly hourlyAtMinute?: number;
  readonly retention: Retention;
  /** Of how many days the last export of a store is kept. @default as the retention says */
  readonly keyspaceDays?: number;
  /** Also exports the tables as JSON files, after each daily backup. */
  readonly exportsJson?: true;
}

const UNITS = Object.keys(DEFAULT_RETENTION) as (keyof Retention)[];

export function formatWorkerCommand({ system, dailyAtHour, hourlyAtMinute, retention, keyspaceDays, exportsJson }: WorkerSchedule): string {
  return [
    `slipway backup worker --system ${system} --daily ${dailyAtHour}`,
    ...(hourlyAtMinute === undefined ? [] : [`--hourly ${hourlyAtMinute}`]),
    ...UNITS.map((unit) => `--keep-${unit} ${retention[unit]}`),
    ...(keyspaceDays === undefined ? [] : [`--keep-keyspaces ${keyspaceDays}`]),
    ...(exportsJson ? ["--json-export"] : []),
  ].join(" ");
}

/** @returns undefined for another command */
export function parseWorkerCommand(command: unknown): WorkerSchedule | undefined {
  const flag = readCommand(command, "backup worker");
  if (flag === undefined) return undefined;
  const hourly = flag("hourly");
  const keyspaces = flag("keep-keyspaces");
  const kept = UNITS.map((unit) => [unit, Number(flag(`keep-${unit}`) ?? DEFAULT_RETENTION[unit])] as const);
  return {
    system: flag("system") ?? "",
    dailyAtHour: Number(flag("daily") ?? DEFAULT_DAILY_HOUR),
    ...(hourly === undefined ? {} : { hourlyAtMinute: Number(hourly) }),
    retention: Object.fromEntries(kept) as unknown as Retention,
    ...(keyspaces === undefined ? {} : { keyspaceDays: Number(keyspaces) }),
    ...(hasFlag(command, "json-export") && { exportsJson: true }),
  };
}

/** Of the worker without --daily. */
export const DEFAULT_DAILY_HOUR = 2;

/** "30 daily, 12 weekly, 12 monthly, 5 yearly" */
export const formatRetention = (retention: Retention): string => UNITS.map((unit) => `${retention[unit]} ${unit}`).join(", ");

/** What is kept for a shorter time: "30 to 7 daily", "7 to 3 days of keyspaces". */
export function findShrunk(before: WorkerSchedule, after: WorkerSchedule): string[] {
  const units = UNITS.filter((unit) => after.retention[unit] < before.retention[unit]);
  const [old, now] = [before, after].map(({ keyspaceDays, retention }) => keyspaceDays ?? retention.daily) as [number, number];
  const isOwn = before.keyspaceDays !== undefined || after.keyspaceDays !== undefined;
  return [
    ...units.map((unit) => `${before.retention[unit]} to ${after.retention[unit]} ${unit}`),
    ...(isOwn && now < old ? [`${old} to ${now} days of keyspaces`] : []),
  ];
}
