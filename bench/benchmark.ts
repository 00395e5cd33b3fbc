/** Types of benchmarks, and the evaluation of their samples. */

export interface Comparison {
  /** In the order of the printed table. */
  readonly runners: readonly Runner[];
  readonly targets: readonly Target[];
}

export interface Runner {
  readonly name: string;
  /** One value per run, in the unit of the benchmark. */
  readonly samples: readonly number[];
  /** CPU time of the median run, which other work on the machine disturbs less than elapsed time. */
  readonly processorMs?: number;
  /** The largest peak of all runs. */
  readonly peakMiB?: number;
}

/** A ratio of two runners. Only ratios within one run are comparable between machines. */
export interface Target {
  readonly runner: string;
  readonly comparedTo: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Benchmark {
  readonly about: string;
  /** Of every sample: ms, or a rate per second. */
  readonly unit: string;
  /** Why it cannot run on this machine; undefined when it can. */
  skip?(): string | undefined;
  run(): Promise<Comparison>;
}

export interface Summary {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
  return { min: sorted[0] ?? Number.NaN, median, max: sorted.at(-1) ?? Number.NaN };
}

export interface Verdict extends Target {
  readonly ratio: number;
  readonly met: boolean;
}

/** Compares medians. */
export function evaluateTargets({ runners, targets }: Comparison): readonly Verdict[] {
  const medians = new Map(runners.map(({ name, samples }) => [name, summarize(samples).median]));
  return targets.map((target) => {
    const ratio = (medians.get(target.runner) ?? Number.NaN) / (medians.get(target.comparedTo) ?? Number.NaN);
    return { ...target, ratio, met: ratio <= (target.atMost ?? Number.POSITIVE_INFINITY) && ratio >= (target.atLeast ?? 0) };
  });
}
