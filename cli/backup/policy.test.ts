import { expect, it } from "vitest";
import { DEFAULT_POLICY } from "../../backup/retention.ts";
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
