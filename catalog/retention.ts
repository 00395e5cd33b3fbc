/** Of how many days, ISO weeks, months and years the last backup is kept. */

export interface Retention {
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
}

/** What the products' documents promise: 30 days, 12 weeks, 12 months, 5 years. */
export const DEFAULT_RETENTION: Retention = { daily: 30, weekly: 12, monthly: 12, yearly: 5 };

/** "daily=30,weekly=12,monthly=12,yearly=5" */
export const formatKept = (retention: Retention): string =>
  Object.entries(retention)
    .map(([unit, count]) => `${unit}=${count}`)
    .join(",");

/** @returns undefined for other text */
export function parseKept(text: string): Partial<Retention> | undefined {
  const kept: Record<string, number> = {};
  for (const part of text.split(",")) {
    const [, unit = "", count = ""] = /^([a-z]+)=(\d{1,5})$/.exec(part.trim()) ?? [];
    if (!Object.hasOwn(DEFAULT_RETENTION, unit) || unit in kept || Number(count) > MOST_KEPT) return undefined;
    kept[unit] = Number(count);
  }
  return kept;
}

/** A larger count is a typing error: 10,000 days are 27 years. */
export const MOST_KEPT = 10_000;
