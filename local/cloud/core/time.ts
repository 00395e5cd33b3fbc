/**
 * How long DigitalOcean takes. A wait is never a timer here: a record keeps the moment at which it is done, and whoever looks compares
 * that with the clock. So a wait survives a restart, and nothing has to be cancelled.
 */
export interface Durations {
  readonly createCluster: number;
  readonly changeCluster: number;
  readonly deploy: number;
}

/** `instant`: done when somebody looks. `real`: what the real cloud takes. A number: every wait takes so many milliseconds. */
export type Timings = "instant" | "real" | number;

const MINUTE = 60_000;

export function durationsFor(timings: Timings): Durations {
  if (timings === "real") return { createCluster: 4 * MINUTE, changeCluster: 5 * MINUTE, deploy: 2 * MINUTE };
  const duration = timings === "instant" ? 0 : timings;
  return { createCluster: duration, changeCluster: duration, deploy: duration };
}

/** RFC 3339 in whole seconds, as DigitalOcean writes it. */
export const formatTimestamp = (milliseconds: number): string => `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
