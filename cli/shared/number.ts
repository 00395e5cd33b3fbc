/** Numbers that are typed as the value of a flag. */
import { UsageError } from "./command.ts";

export interface NumberFlag {
  /** "--steps" */
  readonly flag: string;
  /** @default 1 */
  readonly from?: number;
  /** @default 999999999 */
  readonly to?: number;
  /** What is counted: "days". @default nothing */
  readonly unit?: string;
  /** A command or flag that works. */
  readonly example: string;
}

const MOST = 999_999_999;

/** @throws {UsageError} which says which numbers the flag takes. */
export function wholeNumber(given: unknown, { flag, from = 1, to = MOST, unit, example }: NumberFlag): number {
  const text = String(given);
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= from && value <= to) return value;
  const what = unit === undefined ? "a whole number" : `a whole number of ${unit}`;
  throw new UsageError(`${flag} takes ${what}, ${to === MOST ? `${from} or more` : `from ${from} to ${to}`}, not "${text}": ${example}`);
}
