/** "90s", "15m", "24h", "7d": how files write a time to live. */
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Ten years: what lives longer was meant to live for ever. */
const LONGEST = 3650 * UNITS.d;

/** @returns milliseconds, or undefined where it is none. */
export function parseDuration(text: unknown): number | undefined {
  const [, count, unit] = (typeof text === "string" ? /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) : undefined) ?? [];
  const ms = count === undefined ? 0 : Number(count) * UNITS[unit as keyof typeof UNITS];
  return ms >= 1 && ms <= LONGEST ? ms : undefined;
}

export function formatDuration(ms: number): string {
  const [unit, factor] = Object.entries(UNITS).findLast(([, each]) => ms % each === 0)!;
  return `${ms / factor}${unit}`;
}
