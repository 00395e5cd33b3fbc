import { describe, expect, it } from "vitest";
import { isDue, lastSlot, type Schedule } from "./schedule.ts";

const at = (text: string) => new Date(`${text}Z`);
const daily: Schedule = { dailyAtHour: 2 };

describe("a schedule", () => {
  it("is due once a day from its hour on, and catches up once after a pause", () => {
    expect(isDue(daily, undefined, at("2026-12-02T00:00:00"))).toBe(true);
    expect(isDue(daily, at("2026-12-01T02:00:01"), at("2026-12-02T01:59:59"))).toBe(false);
    expect(isDue(daily, at("2026-12-01T02:00:01"), at("2026-12-02T02:00:00"))).toBe(true);
    expect(isDue(daily, at("2026-12-02T02:00:01"), at("2026-12-02T23:59:59"))).toBe(false);
    expect(isDue(daily, at("2026-11-01T02:00:01"), at("2026-12-02T01:00:00"))).toBe(true);
    // Made at noon to catch up: the next one is at 2 o'clock again.
    expect(isDue(daily, at("2026-12-02T12:00:00"), at("2026-12-03T02:00:00"))).toBe(true);
  });

  it("is due every hour where it is hourly as well, also at the turn of a day, a year and a leap day", () => {
    const both: Schedule = { dailyAtHour: 2, hourlyAtMinute: 30 };
    expect(lastSlot(both, at("2027-01-01T00:10:00"))).toEqual(at("2026-12-31T23:30:00"));
    expect(lastSlot(both, at("2028-02-29T02:10:00"))).toEqual(at("2028-02-29T02:00:00"));
    expect(lastSlot(daily, at("2028-03-01T01:00:00"))).toEqual(at("2028-02-29T02:00:00"));
  });

  it("makes one backup for each slot, however often it is asked and however the clock jumps", () => {
    for (const schedule of [daily, { hourlyAtMinute: 15 }, { dailyAtHour: 23, hourlyAtMinute: 59 }]) {
      let newest: Date | undefined;
      const slots = new Set<number>();
      let made = 0;
      let now = at("2026-02-27T00:00:00").getTime();
      for (let step = 0; step < 4000; step++) {
        // Mostly a minute; sometimes hours of downtime, sometimes a clock that is set back a little.
        now += step % 97 === 0 ? 7 * 3_600_000 : step % 193 === 0 ? -120_000 : 60_000;
        if (!isDue(schedule, newest, new Date(now))) continue;
        slots.add(lastSlot(schedule, new Date(now)).getTime());
        newest = new Date(now);
        made++;
      }
      expect(made).toBe(slots.size);
      expect(made).toBeGreaterThan(10);
    }
  });

  it("does not wait for a backup that begins in the future", () => {
    expect(isDue(daily, at("2030-01-01T00:00:00"), at("2026-12-02T03:00:00"))).toBe(true);
  });
});
