import { describe, expect, it } from "vitest";
import { type Candidate, checkPolicy, DEFAULT_POLICY, decideRetention, type RetentionPolicy, weekOf } from "./retention.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const backup = (startedAt: string | number, more: Partial<Candidate> = {}): Candidate => ({
  id: `b${new Date(startedAt).toISOString()}`,
  startedAt: new Date(startedAt),
  verified: false,
  ...more,
});
const kept = (backups: readonly Candidate[], policy: RetentionPolicy, now: Date) =>
  decideRetention(backups, policy, now)
    .filter(({ reasons }) => reasons.length > 0)
    .map(({ backup: { id } }) => id)
    .sort();

/** A second implementation, by grouping: independent of the first, and slow. */
function keptByGrouping(backups: readonly Candidate[], policy: RetentionPolicy, now: Date): string[] {
  const past = backups.filter(({ startedAt }) => startedAt.getTime() <= now.getTime() + 5 * 60_000);
  const newer = (one: Candidate, other: Candidate) =>
    one.startedAt.getTime() > other.startedAt.getTime() || (one.startedAt.getTime() === other.startedAt.getTime() && one.id > other.id)
      ? one
      : other;
  const result = new Set(backups.filter(({ hold }) => hold !== undefined).map(({ id }) => id));
  for (const one of backups) if (!past.includes(one)) result.add(one.id);
  const isoWeek = (time: Date) => {
    // Counts the days of the week on a calendar: the week of 4 January is the first.
    const monday = new Date(time.getTime() - ((time.getUTCDay() + 6) % 7) * DAY);
    const year = new Date(monday.getTime() + 3 * DAY).getUTCFullYear();
    const fourth = new Date(Date.UTC(year, 0, 4));
    const first = fourth.getTime() - ((fourth.getUTCDay() + 6) % 7) * DAY;
    const day = Date.UTC(monday.getUTCFullYear(), monday.getUTCMonth(), monday.getUTCDate());
    return year * 100 + 1 + Math.round((day - first) / (7 * DAY));
  };
  const numbers: Record<keyof Omit<RetentionPolicy, "verified">, (time: Date) => number> = {
    daily: (time) => Math.floor(time.getTime() / DAY),
    weekly: isoWeek,
    monthly: (time) => time.getUTCFullYear() * 12 + time.getUTCMonth(),
    yearly: (time) => time.getUTCFullYear(),
  };
  for (const [name, numberOf] of Object.entries(numbers)) {
    const groups = new Map<number, Candidate>();
    for (const one of past) {
      const group = numberOf(one.startedAt);
      groups.set(group, groups.has(group) ? newer(groups.get(group)!, one) : one);
    }
    const chosen = [...groups.keys()].sort((one, other) => other - one).slice(0, policy[name as "daily"]);
    for (const group of chosen) result.add(groups.get(group)!.id);
    if (chosen.length < policy[name as "daily"] && past.length > 0)
      result.add(past.reduce((oldest, one) => (newer(oldest, one) === oldest ? one : oldest)).id);
  }
  const sorted = [...past].sort((one, other) => (newer(one, other) === one ? -1 : 1));
  for (const one of sorted.filter(({ verified }) => verified).slice(0, policy.verified)) result.add(one.id);
  if (sorted[0]) result.add(sorted[0].id);
  return [...result].sort();
}

/** The same numbers on every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Schedules of 7.5 years with gaps, several a day, clock jumps, equal times and holds. */
function simulate(random: () => number): Candidate[] {
  const backups: Candidate[] = [];
  const start = Date.UTC(2019, 5, 1);
  const gap = random() < 0.3 ? [random() * 2700, random() * 200] : [0, 0];
  const perDay = random() < 0.2 ? 3 : 1;
  const skipped = random() * 0.6;
  for (let day = 0; day < 2740; day++) {
    if (day >= gap[0]! && day < gap[0]! + gap[1]!) continue;
    for (let n = 0; n < perDay; n++) {
      if (random() < skipped) continue;
      const jump = random() < 0.01 ? (random() - 0.5) * 40 * DAY : 0;
      const time = start + day * DAY + Math.floor(random() * 24) * HOUR + jump;
      backups.push({
        id: `b${day}-${n}`,
        startedAt: new Date(time),
        verified: random() < 0.1,
        ...(random() < 0.002 ? { hold: "audit" } : {}),
      });
    }
  }
  return backups;
}

describe("retention", () => {
  it("keeps the same backups as a naive implementation, over 7.5 years of schedules with gaps, failures and clock jumps", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomFrom(seed);
      const backups = simulate(random);
      const policy = {
        ...{ daily: Math.floor(random() * 40), weekly: Math.floor(random() * 20), monthly: Math.floor(random() * 20) },
        ...{ yearly: 1 + Math.floor(random() * 6), verified: Math.floor(random() * 5) },
      };
      const now = new Date(Date.UTC(2026, 11, 2) - Math.floor(random() * 800) * DAY);
      expect(kept(backups, policy, now), `seed ${seed}`).toEqual(keptByGrouping(backups, policy, now));
    }
  });

  it("keeps the same backups whether it runs every day or once at the end [F130] [F131] [F132] [F133]", () => {
    let present: Candidate[] = [];
    const all: Candidate[] = [];
    const start = Date.UTC(2019, 5, 1, 2);
    for (let day = 0; day < 2740; day++) {
      // Not on the first of a month, and not on 200 days in a row.
      const time = start + day * DAY;
      if (new Date(time).getUTCDate() === 1 || (day > 900 && day < 1100)) continue;
      const made = backup(time);
      all.push(made);
      const keep = new Set(kept([...present, made], DEFAULT_POLICY, new Date(time)));
      present = [...present, made].filter(({ id }) => keep.has(id));
    }
    const now = new Date(start + 2740 * DAY);
    const names = present.map(({ id }) => id).sort();
    const atOnce = kept(all, DEFAULT_POLICY, now);
    expect(names).toEqual(expect.arrayContaining(atOnce));
    // The oldest is kept until the counts are used up, so an early one can stay behind.
    expect(names.length - atOnce.length).toBeLessThanOrEqual(1);
    // 30 + 12 + 12 + 5, less those that are the last of several periods.
    expect(names.length).toBeGreaterThanOrEqual(45);
    expect(names.length).toBeLessThanOrEqual(54);
  });

  it("removes nothing where no backups are made any more", () => {
    const old = Array.from({ length: 800 }, (_, day) => backup(Date.UTC(2020, 0, 1) + day * DAY));
    const then = new Date(Date.UTC(2022, 3, 1));
    const first = kept(old, DEFAULT_POLICY, then);
    expect(
      kept(
        old.filter(({ id }) => first.includes(id)),
        DEFAULT_POLICY,
        new Date(Date.UTC(2035, 0, 1)),
      ),
    ).toEqual(first);
  });

  it("counts weeks by ISO 8601, also at the turn of a year and in leap years", () => {
    expect(
      ["2020-12-31", "2021-01-03", "2021-01-04", "2024-02-29", "2026-12-31", "2027-01-03", "2027-01-04"].map((day) =>
        weekOf(new Date(`${day}T23:59:59Z`)),
      ),
    ).toEqual(["2020-W53", "2020-W53", "2021-W01", "2024-W09", "2026-W53", "2026-W53", "2027-W01"]);
  });

  it("keeps a backup from the future apart: it takes no other's place, and is not removed", () => {
    const days = Array.from({ length: 5 }, (_, day) => backup(Date.UTC(2026, 10, 1 + day)));
    const policy = { daily: 2, weekly: 0, monthly: 0, yearly: 0, verified: 0 };
    const now = new Date(Date.UTC(2026, 10, 5, 1));
    const future = backup(Date.UTC(2027, 0, 1));
    expect(kept([...days, future], policy, now)).toEqual([...kept(days, policy, now), future.id].sort());
    expect(decideRetention([future], policy, now)[0]!.reasons.join()).toContain("check the clock");
  });

  it("keeps held ones, the newest verified ones, and in any case the newest", () => {
    const days = Array.from({ length: 40 }, (_, day) => backup(Date.UTC(2026, 9, 1 + day), { verified: day < 5 }));
    days[20] = { ...days[20]!, hold: "before the import" };
    const result = decideRetention(days, { daily: 1, weekly: 0, monthly: 0, yearly: 0, verified: 3 }, new Date(Date.UTC(2026, 11, 1)));
    const reasons = Object.fromEntries(result.filter((one) => one.reasons.length > 0).map((one) => [one.backup.id, one.reasons.join()]));
    expect(Object.keys(reasons)).toHaveLength(5);
    expect(reasons[days[20]!.id]).toBe("held: before the import");
    for (const day of [2, 3, 4]) expect(reasons[days[day]!.id]).toContain("verified");
  });

  it("refuses a policy that keeps nothing, and values that are no counts", () => {
    const zero = { daily: 0, weekly: 0, monthly: 0, yearly: 0, verified: 3 };
    expect(() => checkPolicy(zero)).toThrow("keeps nothing");
    for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => checkPolicy({ ...zero, daily: value })).toThrow("daily");
  });
});
