/** Times the steps of a rollback. */

export interface TimedStep {
  readonly name: string;
  readonly seconds: number;
  /** What was done, in words. */
  readonly result: string;
}

export interface Stopwatch {
  /** @param work @returns its value, and what was done in words */
  step<T>(name: string, work: () => Promise<readonly [T, string]>): Promise<T>;
  readonly steps: readonly TimedStep[];
  /** Since the first step began. */
  seconds(): number;
}

export type StepReport = (event: { readonly kind: "started"; readonly name: string } | ({ readonly kind: "done" } & TimedStep)) => void;

export function startStopwatch(report: StepReport): Stopwatch {
  const steps: TimedStep[] = [];
  const start = performance.now();
  const since = (time: number) => Math.round(performance.now() - time) / 1000;
  return {
    steps,
    seconds: () => since(start),
    async step(name, work) {
      report({ kind: "started", name });
      const begin = performance.now();
      const [value, result] = await work();
      const done = { name, seconds: since(begin), result };
      steps.push(done);
      report({ kind: "done", ...done });
      return value;
    },
  };
}
