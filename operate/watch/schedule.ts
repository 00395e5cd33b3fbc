/** When the rounds of a watch are due, and which ones were missed. */

export interface Schedule {
  /** ISO time of the first look. */
  readonly startedAt: string;
  readonly everyMs: number;
  readonly forMs: number;
}

/** The first look and a round at the end of each interval: 24 h every 4 h are 6 rounds after the first look. */
export function dueTimes({ startedAt, everyMs, forMs }: Schedule): readonly number[] {
  const start = Date.parse(startedAt);
  return Array.from({ length: Math.floor(forMs / everyMs) + 1 }, (_, round) => start + round * everyMs);
}

export interface Gap {
  /** ISO time at which the round was due. */
  readonly due: string;
}

/** @param seen When a round began. A round counts for the latest time that was due before it. @param now Later rounds are not missed yet. */
export function findGaps(schedule: Schedule, seen: readonly string[], now: number): readonly Gap[] {
  const due = dueTimes(schedule);
  const done = new Set(seen.map((at) => latestDue(due, Date.parse(at))));
  return due.filter((time) => time <= now && !done.has(time)).map((time) => ({ due: new Date(time).toISOString() }));
}

/** The next time that is due and not done; a round that is due already begins at once. @returns undefined after the last one */
export function nextDue(schedule: Schedule, seen: readonly string[], now: number): number | undefined {
  const due = dueTimes(schedule);
  const done = new Set(seen.map((at) => latestDue(due, Date.parse(at))));
  const current = latestDue(due, now);
  if (!done.has(current)) return current;
  return due.find((time) => time > now);
}

function latestDue(due: readonly number[], at: number): number {
  return due.findLast((time) => time <= at) ?? due[0]!;
}
