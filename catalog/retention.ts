/** Of how many days, ISO weeks, months and years the last backup is kept. */

export interface Retention {
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
}

/** What the products' documents promise: 30 days, 12 weeks, 12 months, 5 years. */
export const DEFAULT_RETENTION: Retention = { daily: 30, weekly: 12, monthly: 12, yearly: 5 };

/** A larger count is a typing error: 10,000 days are 27 years. */
export const MOST_KEPT = 10_000;
