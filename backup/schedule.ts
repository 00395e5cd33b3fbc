/**
 * When a backup is due. The backups themselves say when the last one was made, so a process that was restarted, or was down for a day, needs no memory:
 * it makes the one that is due, once.
 */
import { isFuture } from "./retention.ts";

export interface Schedule {
  /** Once a day, from this hour on, UTC. */
  readonly dailyAtHour?: number;
  /** Once an hour, from this minute on. */
  readonly hourlyAtMinute?: number;
}

/** The last time before `now` at which a backup should have begun. */
export function lastSlot({ dailyAtHour, hourlyAtMinute }: Schedule, now: Date): Date {
  const slots: number[] = [];
  if (dailyAtHour !== undefined) {
    const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), dailyAtHour);
    slots.push(today <= now.getTime() ? today : today - 86_400_000);
  }
  if (hourlyAtMinute !== undefined) {
    const hour = Math.floor(now.getTime() / 3_600_000) * 3_600_000 + hourlyAtMinute * 60_000;
    slots.push(hour <= now.getTime() ? hour : hour - 3_600_000);
  }
  if (slots.length === 0) throw new RangeError("A schedule has an hour of the day, or a minute of the hour.");
  return new Date(Math.max(...slots));
}

/** @param newest when the newest backup began; one from the future does not count */
export function isDue(schedule: Schedule, newest: Date | undefined, now: Date): boolean {
  if (newest === undefined || isFuture(newest, now)) return true;
  return newest.getTime() < lastSlot(schedule, now).getTime();
}
