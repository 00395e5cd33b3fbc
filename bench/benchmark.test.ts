import { expect, it } from "vitest";
import { evaluateTargets, summarize } from "./benchmark.ts";

it("summarizes samples by minimum, median and maximum", () => {
  expect(summarize([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 });
  expect(summarize([4, 1, 2, 3])).toEqual({ min: 1, median: 2.5, max: 4 });
});

it("checks ratios of medians against upper and lower limits, and fails a target without samples", () => {
  const runners = [
    { name: "peer", samples: [100, 100, 900] },
    { name: "ours", samples: [140, 150, 160] },
  ];
  const evaluate = (target: object) => evaluateTargets({ runners, targets: [{ runner: "ours", comparedTo: "peer", ...target }] })[0];
  expect(evaluate({ atMost: 1.5 })).toMatchObject({ ratio: 1.5, met: true });
  expect(evaluate({ atMost: 1.4 })?.met).toBe(false);
  expect(evaluate({ atLeast: 1.6 })?.met).toBe(false);
  expect(evaluate({ atMost: 9, comparedTo: "unknown" })?.met).toBe(false);
});
