import { afterEach, describe, expect, it } from "vitest";
import { DEFAULT_POLICY } from "../../backup/retention.ts";
import { formatKept } from "../../catalog/retention.ts";
import { readPolicies } from "./policy.ts";

const NONE = { daily: undefined, weekly: undefined, monthly: undefined, yearly: undefined };
const days = (daily: number) => ({ ...DEFAULT_POLICY, daily, weekly: 0, monthly: 0, yearly: 0 });
const DATABASE = { system: "candlefish", part: "postgres" };
const STORE = { system: "candlefish", part: "valkey-state" };

it.each([
  [{}, undefined, DATABASE, DEFAULT_POLICY],
  [{}, undefined, STORE, days(7)],
  [{}, undefined, { system: "devx", part: "valkey-state" }, DEFAULT_POLICY],
  [{}, undefined, { system: "another", part: "valkey-state" }, DEFAULT_POLICY],
  [{}, 3, STORE, days(3)],
  [{}, 3, DATABASE, DEFAULT_POLICY],
  [{ weekly: 4 }, undefined, STORE, { ...DEFAULT_POLICY, weekly: 4 }],
  [{ weekly: 4 }, 3, STORE, days(3)],
  [{ daily: 90 }, 3, DATABASE, { ...DEFAULT_POLICY, daily: 90 }],
])("with the flags %j and %s days for keyspaces, %j keeps %j", async (counts, keyspaceDays, set, expected) => {
  const policyOf = await readPolicies({ counts: { ...NONE, ...counts }, keyspaceDays });
  expect(policyOf(set)).toEqual(expected);
});

it("refuses counts that would keep nothing", async () => {
  await expect(readPolicies({ counts: { daily: 0, weekly: 0, monthly: 0, yearly: 0 }, keyspaceDays: undefined })).rejects.toThrow(
    "keeps nothing",
  );
});

describe("SLIPWAY_BACKUP_KEEP", () => {
  afterEach(() => {
    delete process.env.SLIPWAY_BACKUP_KEEP;
  });

  it("is what a prune by hand keeps, as the worker of the stack does, except where a flag says something else", async () => {
    process.env.SLIPWAY_BACKUP_KEEP = formatKept({ daily: 90, weekly: 0, monthly: 24, yearly: 7 });
    const stack = { ...DEFAULT_POLICY, daily: 90, weekly: 0, monthly: 24, yearly: 7 };
    const byHand = await readPolicies({ counts: NONE, keyspaceDays: undefined });
    expect([byHand(DATABASE), byHand(STORE)]).toEqual([stack, days(7)]);
    const withFlag = await readPolicies({ counts: { ...NONE, daily: 120 }, keyspaceDays: undefined });
    expect(withFlag(DATABASE)).toEqual({ ...stack, daily: 120 });
  });

  it("may have blanks, and counts up to ten thousand", async () => {
    process.env.SLIPWAY_BACKUP_KEEP = " daily=10000, yearly=0 ";
    const policyOf = await readPolicies({ counts: NONE, keyspaceDays: undefined });
    expect(policyOf(DATABASE)).toEqual({ ...DEFAULT_POLICY, daily: 10_000, yearly: 0 });
  });

  it.each([
    "30",
    "daily",
    "daily=",
    "daily=x",
    "daily=-1",
    "daily=10001",
    "daily=100000",
    "1daily=1",
    "daily=1x",
    "daily=1,daily=2",
    "dayly=3",
    "daily=1;weekly=2",
    "toString=1",
  ])("is refused if it is %j", async (text) => {
    process.env.SLIPWAY_BACKUP_KEEP = text;
    await expect(readPolicies({ counts: NONE, keyspaceDays: undefined })).rejects.toThrow(
      `SLIPWAY_BACKUP_KEEP is "${text}", which names no counts of backups. Set it as the stack's outputs do: daily=30,weekly=12,monthly=12,yearly=5`,
    );
  });
});
