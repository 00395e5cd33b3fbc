import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type StackReview, stackReviewSchema } from "../report/review.ts";
import { CORPUS } from "./testing/project-changes.ts";
import { Trees, told } from "./testing/project-copies.ts";
import { HOUSES } from "./testing/sample-changes.ts";
import { reviewHouses } from "./testing/sample-program.ts";

interface Expected {
  readonly risk: string;
  readonly tells: readonly string[];
  readonly only?: true;
  readonly because?: RegExp;
}

function hold(review: StackReview, { risk, tells, only, because }: Expected): void {
  const all = told(review);
  expect(stackReviewSchema.safeParse(review).error).toBeUndefined();
  expect(all).toEqual(expect.arrayContaining([...tells]));
  if (only) expect(all).toHaveLength(tells.length);
  expect(review.risk, review.reasons.map(({ text }) => text).join("\n")).toBe(risk);
  expect(review.reasons.length === 0).toBe(risk === "none");
  if (because) expect(review.reasons.map(({ text }) => text).join("\n")).toMatch(because);
  expect(JSON.stringify(review)).not.toContain("sk_live");
}

describe("a review of this project tells", () => {
  let trees: Trees;
  beforeAll(() => {
    trees = new Trees();
  });
  afterAll(() => trees.remove());

  for (const { title, stack = "prod", base = [], head, ...expected } of CORPUS) {
    it(`${title} for what it is: ${expected.risk}`, async () => hold(await trees.review(stack, base, head), expected));
  }
});

describe("a review of any program tells", () => {
  for (const { title, base = () => {}, head, ...expected } of HOUSES) {
    it(`${title} for what it is: ${expected.risk}`, async () => hold(await reviewHouses(base, head), expected));
  }
});
