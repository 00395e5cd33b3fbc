/** What a bench is, and how its samples become figures. */

export interface Race {
  /** In the order in which they are shown. */
  readonly runners: readonly Runner[];
  readonly targets: readonly Target[];
}

export interface Runner {
  readonly name: string;
  /** One figure a run, in the bench's unit. */
  readonly samples: readonly number[];
  /** Processor time of the median run, which other work on the machine disturbs less than the clock. */
  readonly processorMs?: number;
  /** Of the greediest run. */
  readonly peakMiB?: number;
}

/** Only ratios inside one run of a bench travel from one machine to another. */
export interface Target {
  readonly runner: string;
  readonly comparedTo: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Bench {
  readonly about: string;
  /** Of every sample: ms, or something a second. */
  readonly unit: string;
  /** Why it cannot run on this machine; undefined when it can. */
  skip?(): string | undefined;
  run(): Promise<Race>;
}

export interface Figures {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export function figuresOf(samples: readonly number[]): Figures {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
  return { min: sorted[0] ?? Number.NaN, median, max: sorted.at(-1) ?? Number.NaN };
}

export interface Verdict extends Target {
  readonly ratio: number;
  readonly met: boolean;
}

/** Ratios are of medians. */
export function verdictsOf({ runners, targets }: Race): readonly Verdict[] {
  const medians = new Map(runners.map(({ name, samples }) => [name, figuresOf(samples).median]));
  return targets.map((target) => {
    const ratio = (medians.get(target.runner) ?? Number.NaN) / (medians.get(target.comparedTo) ?? Number.NaN);
    return { ...target, ratio, met: ratio <= (target.atMost ?? Number.POSITIVE_INFINITY) && ratio >= (target.atLeast ?? 0) };
  });
}
