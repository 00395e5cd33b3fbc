import { describe, expect, it } from "vitest";
import { dueTimes, findGaps, nextDue, type Schedule } from "./schedule.ts";

const HOUR = 3_600_000;
const start = Date.parse("2026-12-01T00:00:00Z");
const at = (hours: number) => new Date(start + hours * HOUR).toISOString();
const day: Schedule = { startedAt: at(0), everyMs: 4 * HOUR, forMs: 24 * HOUR };

describe("24 hours, every 4", () => {
  it("are a first look and six rounds", () => {
    expect(dueTimes(day).map((time) => (time - start) / HOUR)).toEqual([0, 4, 8, 12, 16, 20, 24]);
  });

  it("count a late round for the time at which it was due, and report the ones that no round was late for", () => {
    const seen = [at(0), at(7.9), at(8.1), at(23.9)];
    expect(findGaps(day, seen, start + 24.5 * HOUR).map(({ due }) => due)).toEqual(
      [at(12), at(16), at(24)].map((time) => new Date(time).toISOString()),
    );
    expect(findGaps(day, seen, start + 12 * HOUR - 1)).toEqual([]);
  });

  it("begin at once what is due, do nothing twice, and end", () => {
    const next = (seen: readonly number[], now: number) => {
      const due = nextDue(day, seen.map(at), start + now * HOUR);
      return due === undefined ? undefined : (due - start) / HOUR;
    };
    expect(next([], 0)).toBe(0);
    expect(next([0], 0.1)).toBe(4);
    expect(next([0, 4.5], 4.6)).toBe(8);
    // After an interruption: the missed ones are not made up for.
    expect(next([0], 13)).toBe(12);
    expect(next([0, 13], 13.1)).toBe(16);
    expect(next([0, 24], 24.1)).toBeUndefined();
  });

  it("for any interruption, every due time is either a round or a gap, and no time is both", () => {
    for (let mask = 0; mask < 128; mask++) {
      const seen = dueTimes(day).flatMap((time, round) => (mask & (1 << round) ? [new Date(time + (round % 3) * HOUR).toISOString()] : []));
      expect(findGaps(day, seen, start + 30 * HOUR).length + seen.length).toBe(7);
    }
  });
});

it("a length of 0 is one look", () => {
  expect(dueTimes({ ...day, forMs: 0 })).toEqual([start]);
});
