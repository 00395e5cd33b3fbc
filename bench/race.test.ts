import { expect, it } from "vitest";
import { figuresOf, verdictsOf } from "./race.ts";

it("takes the middle of the samples, or the mean of the two in the middle", () => {
  expect(figuresOf([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 });
  expect(figuresOf([4, 1, 2, 3])).toEqual({ min: 1, median: 2.5, max: 4 });
});

it("judges a ratio of medians from both sides, and misses what was not measured", () => {
  const runners = [
    { name: "peer", samples: [100, 100, 900] },
    { name: "ours", samples: [140, 150, 160] },
  ];
  const judge = (target: object) => verdictsOf({ runners, targets: [{ runner: "ours", comparedTo: "peer", ...target }] })[0];
  expect(judge({ atMost: 1.5 })).toMatchObject({ ratio: 1.5, met: true });
  expect(judge({ atMost: 1.4 })?.met).toBe(false);
  expect(judge({ atLeast: 1.6 })?.met).toBe(false);
  expect(judge({ atMost: 9, comparedTo: "nobody" })?.met).toBe(false);
});
