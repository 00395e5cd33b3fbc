import { describe, expect, it } from "vitest";
import type { Comparison } from "../recover/comparison.ts";
import { TYPES } from "../recover/kinds.ts";
import { hasFindings } from "./doctor.ts";
import { examineDrift, unreadableDrift } from "./drift.ts";

const NOTHING: Comparison = {
  ...{ toImport: [], unimportable: [], shared: [], conflicting: [], renamed: [], duplicates: [], gone: [], recreated: [], changed: [] },
  ...{ incomplete: [], pending: [], unplanned: [], users: [], notes: [] },
};
const urn = `urn:pulumi:prod::shop::${TYPES.pool}::shop-pool`;
const pool = { urn, type: TYPES.pool, name: "shop", within: "shop-postgres" };
const id = "1234";

const examine = (differences: Partial<Comparison>) =>
  examineDrift({ name: "stack prod", comparison: { ...NOTHING, ...differences }, flags: "-s prod" });

interface Case {
  readonly differences: Partial<Comparison>;
  readonly id: string;
  readonly says: string;
  readonly next: string;
}

const CASES: readonly Case[] = [
  {
    differences: { toImport: [{ ...pool, importId: id }] },
    id: "drift-not-in-state",
    says: "not in the state",
    next: "slipway recover -s prod",
  },
  {
    differences: { unimportable: [{ ...pool, id, command: "doctl spaces keys delete K" }] },
    id: "drift-not-in-state",
    says: "cannot be imported",
    next: "doctl spaces keys delete K",
  },
  {
    differences: { unimportable: [{ ...pool, id }] },
    id: "drift-not-in-state",
    says: "cannot be imported",
    next: "slipway recover -s prod",
  },
  {
    differences: { duplicates: [{ ...pool, id, command: "doctl projects delete 1234" }] },
    id: "drift-duplicate",
    says: "twice",
    next: "doctl projects delete 1234",
  },
  {
    differences: { conflicting: [{ ...pool, id, properties: [{ property: "mode", program: '"transaction"', account: "session" }] }] },
    id: "drift-conflict",
    says: 'mode is session instead of "transaction"',
    next: "slipway drift -s prod",
  },
  {
    differences: { gone: [{ ...pool, id, isDeclared: true }] },
    id: "drift-gone",
    says: "creates it again, empty",
    next: "slipway drift -s prod",
  },
  {
    differences: { gone: [{ ...pool, id, isDeclared: false }] },
    id: "drift-gone",
    says: "no longer in the account.",
    next: "slipway drift -s prod",
  },
  {
    differences: { recreated: [{ ...pool, state: "1", account: "2" }] },
    id: "drift-recreated",
    says: "2 instead of 1",
    next: "slipway recover -s prod",
  },
  {
    differences: { changed: [{ ...pool, id, replaces: true, properties: [{ property: "size", state: 8, account: 20 }] }] },
    id: "drift-changed",
    says: "size is 20 instead of 8. The next deployment would replace it",
    next: "slipway drift -s prod",
  },
  {
    differences: { incomplete: [{ ...pool, id }] },
    id: "drift-incomplete",
    says: "ended in an error",
    next: "slipway recover -s prod",
  },
  {
    differences: { pending: [{ urn, operation: "creating" }] },
    id: "drift-unfinished",
    says: "never finished creating it",
    next: "slipway recover -s prod",
  },
];

describe("the account of a stack, as doctor reports it", () => {
  it.each(CASES)("has a finding with its next step for $id: $says", ({ differences, id, says, next }) => {
    const examination = examine(differences);
    expect(examination.findings).toMatchObject([{ id, evidence: expect.stringContaining(says), next: { command: next } }]);
    expect(examination.findings[0]!.subject).toMatch(/^DatabaseConnectionPool shop/);
    expect(examination.facts[0]!.value).toBe("1 differ from the state");
    expect(hasFindings([examination])).toBe(true);
  });

  it("has a case for each difference that counts as drift", () => {
    const counted = Object.keys(NOTHING).filter((key) => !["shared", "renamed", "unplanned", "users", "notes"].includes(key));
    expect([...new Set(CASES.flatMap(({ differences }) => Object.keys(differences)))].sort()).toEqual(counted.sort());
  });

  it("has none where state and account agree, and says what was not compared", () => {
    const examination = examine({ users: ["shop"], notes: ["Stack qa cannot be planned."] });
    expect(examination).toMatchObject({ findings: [], facts: [{ value: "as in the state" }] });
    expect(examination.unchecked).toEqual([
      "Stack qa cannot be planned.",
      "passwords of users: only `pulumi refresh` compares them",
      "variables of apps and recipients of alerts",
    ]);
  });

  it("is not a finding where it cannot be read", () => {
    const examination = unreadableDrift("stack prod", "Pulumi's CLI is not installed");
    expect(hasFindings([examination])).toBe(false);
    expect(examination.unchecked).toEqual(["the account against the state: Pulumi's CLI is not installed"]);
  });
});
