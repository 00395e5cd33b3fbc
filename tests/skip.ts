/** Tests that this machine cannot run are skipped with a reason, which `npm test` lists at the end together with what would enable them. */
import { describe, type TestContext } from "vitest";

export interface SkipReason {
  /** "Pulumi's CLI is not installed": a sentence without its full stop. */
  readonly reason: string;
  /** What to type or set so that the tests run; absent where nothing on this machine helps. */
  readonly enable?: string;
}

declare module "vitest" {
  interface TaskMeta {
    skipReason?: SkipReason;
  }
}

/** Like `describe`; its tests are skipped when there is a reason. */
export function describeUnless(why: SkipReason | undefined, name: string, tests: () => void): void {
  if (why === undefined) describe(name, tests);
  else describe.skip(name, { meta: { skipReason: why } }, tests);
}

/** Skips the running test. */
export function skipTest(context: TestContext, why: SkipReason): never {
  context.task.meta.skipReason = why;
  return context.skip(why.reason);
}

export const ONLY_ROOT: SkipReason = {
  reason: "needs root",
  enable: "sudo npm test, or npm test in a container",
};

/** For tests that look for processes in /proc. */
export const NEEDS_PROC: SkipReason | undefined =
  process.platform === "linux" ? undefined : { reason: "looks for processes in /proc, which only Linux has" };
