/**
 * Which backups are kept. Counts, not ages: where no backups are made any more, none is removed.
 *
 * The newest backup of each of the last N days, ISO weeks, months and years that have one, in UTC, by the time at which it began. Only whole
 * backups count. The oldest one stays while a count is not used up, so that history grows from the first day on.
 */

import { DEFAULT_RETENTION, MOST_KEPT, type Retention } from "../catalog/retention.ts";
import { Failure } from "../postdeploy/connect/failure.ts";

export interface RetentionPolicy extends Retention {
  /** So many of the newest verified ones stay in any case. */
  readonly verified: number;
}

export const DEFAULT_POLICY: RetentionPolicy = { ...DEFAULT_RETENTION, verified: 3 };

export interface Candidate {
  readonly id: string;
  readonly startedAt: Date;
  /** Its data was read again or restored. */
  readonly verified: boolean;
  readonly hold?: string;
}

export interface Decision<C extends Candidate> {
  readonly backup: C;
  /** Empty: it is removed. */
  readonly reasons: readonly string[];
}

/** Clocks differ. A backup from later than that would take the places of real ones. */
const FUTURE_MS = 5 * 60_000;

export const isFuture = (startedAt: Date, now = new Date()): boolean => startedAt.getTime() > now.getTime() + FUTURE_MS;

const CLASSES = [
  ["daily", "day", dayOf],
  ["weekly", "week", weekOf],
  ["monthly", "month", (time: Date) => time.toISOString().slice(0, 7)],
  ["yearly", "year", (time: Date) => time.toISOString().slice(0, 4)],
] as const;

/** @throws {Failure} for a policy that would keep nothing */
export function decideRetention<C extends Candidate>(backups: readonly C[], policy: RetentionPolicy, now: Date): Decision<C>[] {
  checkPolicy(policy);
  const sorted = [...backups].sort((one, other) => other.startedAt.getTime() - one.startedAt.getTime() || (one.id < other.id ? 1 : -1));
  const reasons = new Map<C, string[]>(sorted.map((backup) => [backup, []]));
  const counted = sorted.filter(({ startedAt }) => !isFuture(startedAt, now));

  for (const [name, unit, bucketOf] of CLASSES) {
    let left = policy[name];
    let last: string | undefined;
    for (const backup of counted) {
      if (left === 0) break;
      const bucket = bucketOf(backup.startedAt);
      if (bucket === last) continue;
      last = bucket;
      left--;
      reasons.get(backup)!.push(`last of ${unit} ${bucket}`);
    }
    const oldest = counted.at(-1);
    if (left > 0 && oldest && reasons.get(oldest)!.length === 0)
      reasons.get(oldest)!.push(`oldest, with fewer than ${policy[name]} ${unit}s`);
  }

  for (const backup of counted.filter(({ verified }) => verified).slice(0, policy.verified)) {
    if (reasons.get(backup)!.length === 0) reasons.get(backup)!.push(`one of the last ${policy.verified} verified`);
  }
  const [newest] = counted;
  if (newest && reasons.get(newest)!.length === 0) reasons.get(newest)!.push("the newest");
  for (const backup of sorted) {
    if (backup.hold !== undefined) reasons.get(backup)!.push(`held: ${backup.hold}`);
    if (isFuture(backup.startedAt, now))
      reasons.get(backup)!.push("its time is in the future: check the clock of the machine that made it");
  }
  return sorted.map((backup) => ({ backup, reasons: reasons.get(backup)! }));
}

/** @param given replaces the counts of the default policy */
export function policyWith(given: { readonly [Unit in keyof Retention]?: number | undefined }): RetentionPolicy {
  const counts = Object.entries(given).filter(([, count]) => count !== undefined);
  const policy = { ...DEFAULT_POLICY, ...Object.fromEntries(counts) };
  checkPolicy(policy);
  return policy;
}

export function checkPolicy(policy: RetentionPolicy): void {
  for (const [name, value] of Object.entries(policy))
    if (!Number.isInteger(value) || value < 0 || value > MOST_KEPT)
      throw unusable(`${name} is ${value}: use a whole number from 0 to ${MOST_KEPT}`);
  if (CLASSES.every(([name]) => policy[name] === 0))
    throw unusable("the policy keeps nothing: set daily, weekly, monthly or yearly to at least 1");
}

const unusable = (problem: string): Failure => new Failure("bad-policy", 2, `The retention cannot be used: ${problem}.`);

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

/** ISO 8601: weeks begin on Monday, and belong to the year of their Thursday. */
export function weekOf(time: Date): string {
  const thursday = new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate()));
  thursday.setUTCDate(thursday.getUTCDate() - ((thursday.getUTCDay() + 6) % 7) + 3);
  const year = thursday.getUTCFullYear();
  const week = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * 86_400_000));
  return `${year}-W${String(week).padStart(2, "0")}`;
}
