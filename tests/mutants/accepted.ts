/**
 * Mutants that behave differently and that no test kills, each with the reason. They count as survivors, so they lower the score. `npm run mutants` prints
 * each with its reason, and reports entries that match no mutant.
 */
import type { Explanation } from "./explanation.ts";

export const ACCEPTED: readonly Explanation[] = [
  {
    file: "postdeploy/roles/index.ts",
    line: "const ATTEMPTS = ",
    reason: "How often a run is attempted that conflicts with others: eight conflicts in a row cannot be arranged.",
  },
  {
    file: "postdeploy/roles/index.ts",
    line: "await sleep(50",
    reason: "How long a run waits before it tries again. It does the same then.",
  },
];
