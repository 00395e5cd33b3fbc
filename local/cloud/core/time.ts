/**
 * How long operations take, in milliseconds. There are no timers: a record stores the time at which its operation ends, and every read
 * compares that with the clock. So a pending operation survives a restart.
 */
export interface Durations {
  readonly createCluster: number;
  readonly changeCluster: number;
  readonly deploy: number;
}

/** `instant`: operations end at once. `real`: as long as at DigitalOcean. A number: milliseconds per operation. */
export type Timings = "instant" | "real" | number;

const MINUTE = 60_000;

export function durationsFor(timings: Timings): Durations {
  if (timings === "real") return { createCluster: 4 * MINUTE, changeCluster: 5 * MINUTE, deploy: 2 * MINUTE };
  const duration = timings === "instant" ? 0 : timings;
  return { createCluster: duration, changeCluster: duration, deploy: duration };
}

/** RFC 3339 in whole seconds, like DigitalOcean's timestamps. */
export const formatTimestamp = (milliseconds: number): string => `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
