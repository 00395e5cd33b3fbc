/**
 * Mutants that behave differently and that no test kills, each with the reason. They count as survivors, so they lower the score. `npm run mutants` prints
 * each with its reason, and reports entries that match no mutant.
 */
import type { Explanation } from "./explanation.ts";

const LIMIT_OF_A_WAIT = "The limit of a wait: one millisecond more or less makes no difference that a test could observe.";

export const ACCEPTED: readonly Explanation[] = [
  {
    file: "catalog/trusted-sources.ts",
    line: 'addresses.toLocaleString("en-US")',
    original: '"en-US"',
    reason: "It makes a difference only where the language of the machine is not English.",
  },
  {
    file: "postdeploy/roles/index.ts",
    line: "const LOCK_WAIT_MS = 60_000;",
    original: "60_000",
    reason: LIMIT_OF_A_WAIT,
  },
  {
    file: "postdeploy/roles/index.ts",
    line: "if (Date.now() >= until)",
    original: ">=",
    reason: LIMIT_OF_A_WAIT,
  },
  {
    file: "postdeploy/roles/index.ts",
    line: "await sleep(50",
    reason: "How long a run waits before it tries again. It does the same then.",
  },
  {
    file: "postdeploy/roles/index.ts",
    line: "holders.length > 0 && holders.every",
    original: ">",
    reason:
      "Another run releases the lock between two statements of this one, which cannot be arranged. This run is correct without the lock as well.",
  },
  {
    file: "postdeploy/roles/step.ts",
    line: "const PREVIEW_TIMEOUT_MS",
    reason: LIMIT_OF_A_WAIT,
  },
  {
    file: "settings/local-api.ts",
    line: "const PATIENCE_MS",
    reason: LIMIT_OF_A_WAIT,
  },
  {
    file: "settings/local-api.ts",
    line: "await answer.body?.cancel();",
    replacement: ";",
    reason: "It closes the connection at once. Without it, the garbage collector does so later.",
  },
  ...["if (isUnderEngine()) endQuietlyWithEngine();", 'stack.postDeploy.mode === "runner" && isUnderEngine()'].map((line) => ({
    file: "components/platform.ts",
    line,
    reason:
      "Only under Pulumi's engine: components/engine-loss.test.ts and tests/engine/ verify it in other processes, which load no mutant.",
  })),
];
