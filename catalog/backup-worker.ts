/**
 * The command that the worker of a deployed stack runs. It contains the schedule and the retention in full, so that the app's spec, a plan and a preview
 * show them, and a review can compare two of them.
 */
import { DEFAULT_RETENTION, type Retention } from "./retention.ts";

export interface WorkerSchedule {
  readonly system: string;
  /** Once a day, from this hour on, UTC. */
  readonly dailyAtHour: number;
  /** Also once an hour, from this minute on. */
  readonly hourlyAtMinute?: number;
  readonly retention: Retention;
}

const UNITS = Object.keys(DEFAULT_RETENTION) as (keyof Retention)[];

export function formatWorkerCommand({ system, dailyAtHour, hourlyAtMinute, retention }: WorkerSchedule): string {
  return [
    `slipway backup worker --system ${system} --daily ${dailyAtHour}`,
    ...(hourlyAtMinute === undefined ? [] : [`--hourly ${hourlyAtMinute}`]),
    ...UNITS.map((unit) => `--keep-${unit} ${retention[unit]}`),
  ].join(" ");
}

/** @returns undefined for another command */
export function parseWorkerCommand(command: unknown): WorkerSchedule | undefined {
  if (typeof command !== "string" || !/^slipway backup worker( |$)/.test(command)) return undefined;
  const flag = (name: string): string | undefined => new RegExp(` --${name} (\\S+)`).exec(command)?.[1];
  const hourly = flag("hourly");
  const kept = UNITS.map((unit) => [unit, Number(flag(`keep-${unit}`) ?? DEFAULT_RETENTION[unit])] as const);
  return {
    system: flag("system") ?? "",
    dailyAtHour: Number(flag("daily") ?? DEFAULT_DAILY_HOUR),
    ...(hourly === undefined ? {} : { hourlyAtMinute: Number(hourly) }),
    retention: Object.fromEntries(kept) as unknown as Retention,
  };
}

/** Of the worker without --daily. */
export const DEFAULT_DAILY_HOUR = 2;

/** "30 daily, 12 weekly, 12 monthly, 5 yearly" */
export const formatRetention = (retention: Retention): string => UNITS.map((unit) => `${retention[unit]} ${unit}`).join(", ");

/** Of each unit of which fewer backups are kept: "30 to 7 daily". */
export const findShrunk = (before: Retention, after: Retention): string[] =>
  UNITS.filter((unit) => after[unit] < before[unit]).map((unit) => `${before[unit]} to ${after[unit]} ${unit}`);
