import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type StackReview, stackReviewSchema } from "../report/review.ts";
import { CORPUS } from "./testing/project-changes.ts";
import { summaryLines, Trees } from "./testing/project-copies.ts";
import { SAMPLE_CHANGES } from "./testing/sample-changes.ts";
import { reviewSample } from "./testing/sample-program.ts";

interface Expected {
  readonly risk: string;
  readonly shows: readonly string[];
  readonly only?: true;
  readonly because?: RegExp;
}

function expectReview(review: StackReview, { risk, shows, only, because }: Expected): void {
  const all = summaryLines(review);
  expect(stackReviewSchema.safeParse(review).error).toBeUndefined();
  expect(all).toEqual(expect.arrayContaining([...shows]));
  if (only) expect(all).toHaveLength(shows.length);
  expect(review.risk, review.reasons.map(({ text }) => text).join("\n")).toBe(risk);
  expect(review.reasons.length === 0).toBe(risk === "none");
  if (because) expect(review.reasons.map(({ text }) => text).join("\n")).toMatch(because);
  expect(JSON.stringify(review)).not.toContain("sk_live");
}

describe("a review of this project", () => {
  let trees: Trees;
  beforeAll(() => {
    trees = new Trees();
  });
  afterAll(() => trees.remove());

  for (const { title, stack = "prod", base = [], head, ...expected } of CORPUS) {
    it(`rates ${title}: ${expected.risk}`, async () => expectReview(await trees.review(stack, base, head), expected));
  }
});

describe("a review of any program", () => {
  for (const { title, base = () => {}, head, ...expected } of SAMPLE_CHANGES) {
    it(`rates ${title}: ${expected.risk}`, async () => expectReview(await reviewSample(base, head), expected));
  }
});
