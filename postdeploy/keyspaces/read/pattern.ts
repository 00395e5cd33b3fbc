/** The patterns of a keyspace: which keys may exist, their type, their longest TTL and their owner. */
import type { Type } from "./entry.ts";

export interface Pattern {
  /** "session:<id>" */
  readonly text: string;
  readonly type: Type;
  /** The longest TTL in milliseconds; 0 if keys do not expire. */
  readonly ttl: number;
  readonly ttlText: string;
  readonly owner: string;
  readonly purpose: string;
  /** Values are masked, and key names are omitted from reports. */
  readonly secret: boolean;
  matches(key: string): boolean;
}

export function createMatcher(text: string): (key: string) => boolean {
  if (!text.includes("<")) return (key) => key === text;
  const expression = new RegExp(
    `^${text
      .split(/<[^>]*>/)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join("[^]+")}$`,
  );
  return (key) => expression.test(key);
}

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Ten years. A longer TTL is more likely a mistake. */
const MAX_DURATION_MS = 3650 * UNITS.d;

/** "90s", "15m", "24h", "7d". @returns milliseconds, or undefined if the text is not a valid duration. */
export function parseDuration(text: unknown): number | undefined {
  const [, count, unit] = (typeof text === "string" ? /^(\d{1,12})(ms|s|m|h|d)$/.exec(text) : undefined) ?? [];
  const ms = count === undefined ? 0 : Number(count) * UNITS[unit as keyof typeof UNITS];
  return ms >= 1 && ms <= MAX_DURATION_MS ? ms : undefined;
}

export function formatDuration(ms: number): string {
  const [unit, factor] = Object.entries(UNITS).findLast(([, each]) => ms % each === 0)!;
  return `${ms / factor}${unit}`;
}
