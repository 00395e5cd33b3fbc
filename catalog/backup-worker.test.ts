import { describe, expect, it } from "vitest";
import { findShrunk, formatRetention, formatWorkerCommand, parseWorkerCommand, type WorkerSchedule } from "./backup-worker.ts";

const retention = { daily: 30, weekly: 12, monthly: 12, yearly: 5 };
const daily: WorkerSchedule = { system: "shop", dailyAtHour: 4, retention };
const hourly: WorkerSchedule = { ...daily, hourlyAtMinute: 0, retention: { daily: 7, weekly: 4, monthly: 3, yearly: 1 }, keyspaceDays: 3 };

describe("the command of a worker", () => {
  it.each([
    [daily, "slipway backup worker --system shop --daily 4 --keep-daily 30 --keep-weekly 12 --keep-monthly 12 --keep-yearly 5"],
    [
      hourly,
      "slipway backup worker --system shop --daily 4 --hourly 0 --keep-daily 7 --keep-weekly 4 --keep-monthly 3 --keep-yearly 1 --keep-keyspaces 3",
    ],
    [
      { ...daily, exportsJson: true } satisfies WorkerSchedule,
      "slipway backup worker --system shop --daily 4 --keep-daily 30 --keep-weekly 12 --keep-monthly 12 --keep-yearly 5 --json-export",
    ],
  ])("contains its whole schedule, and is read back: %j", (schedule, command) => {
    expect(formatWorkerCommand(schedule)).toBe(command);
    expect(parseWorkerCommand(command)).toStrictEqual(schedule);
  });

  it("without flags has the defaults of the CLI", () => {
    expect(parseWorkerCommand("slipway backup worker")).toStrictEqual({ system: "", dailyAtHour: 2, retention });
  });

  it.each(["slipway backup workers", "slipway backup now", "exec slipway backup worker", undefined, 7])("is not %s", (command) => {
    expect(parseWorkerCommand(command)).toBeUndefined();
  });
});

describe("a retention", () => {
  it("is printed unit by unit", () => {
    expect(formatRetention(retention)).toBe("30 daily, 12 weekly, 12 monthly, 5 yearly");
  });

  const keeping = (keyspaceDays: number | undefined, days = 30): WorkerSchedule => ({
    ...{ ...daily, retention: { ...retention, daily: days } },
    ...(keyspaceDays === undefined ? {} : { keyspaceDays }),
  });
  it.each<[what: string, before: WorkerSchedule, after: WorkerSchedule, shrunk: readonly string[]]>([
    ["nothing where nothing changes", daily, daily, []],
    ["the units of which fewer are kept", daily, { ...daily, retention: { ...retention, weekly: 13, yearly: 4 } }, ["5 to 4 yearly"]],
    ["no unit of which more are kept", { ...daily, retention: { ...retention, daily: 7 } }, daily, []],
    ["the days of keyspaces", keeping(7), keeping(3), ["7 to 3 days of keyspaces"]],
    ["no days of keyspaces where they stay", keeping(7), keeping(7), []],
    ["days of keyspaces that were those of the retention", keeping(undefined), keeping(7), ["30 to 7 days of keyspaces"]],
    ["days of keyspaces that become those of the retention", keeping(60), keeping(undefined), ["60 to 30 days of keyspaces"]],
    ["keyspaces only once where they follow the retention", keeping(undefined), keeping(undefined, 7), ["30 to 7 daily"]],
  ])("reports %s", (_, before, after, shrunk) => {
    expect(findShrunk(before, after)).toEqual(shrunk);
  });
});
