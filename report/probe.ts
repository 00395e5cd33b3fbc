/** What a prober saw of an app while it wrote and read through its endpoints. */

export interface ProbeReport {
  /** "fluxstudio-prod/api" */
  readonly service: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly requests: number;
  readonly failed: number;
  /** By what was answered instead of the expected. */
  readonly failures: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  /** The longest time in which no read succeeded, or no write, whichever is longer. */
  readonly longestGapMs: number;
  /** Writes that the app acknowledged. */
  readonly acknowledged: number;
  /** Answers that had the acknowledged text. */
  readonly readBack: number;
  /** An answer that had an older text than the acknowledged one. */
  readonly stale: readonly ProbeFinding[];
  /** In the end, the acknowledged write was not there. */
  readonly lost: readonly ProbeFinding[];
  /** Rows that could not be removed. */
  readonly left: readonly string[];
  readonly seconds: readonly ProbeSecond[];
  /** What happened meanwhile: changes of phase. */
  readonly events: readonly { readonly at: string; readonly title: string }[];
}

export interface ProbeFinding {
  readonly at: string;
  readonly row: string;
  /** "a 404", "the text of write 12 instead of that of write 13" */
  readonly found: string;
}

export interface ProbeSecond {
  /** Since the start. */
  readonly second: number;
  readonly reads: number;
  readonly writes: number;
  readonly failed: number;
}

export interface ProbeBar extends Omit<ProbeSecond, "second"> {
  /** Since the start. */
  readonly from: number;
  readonly seconds: number;
}

/** At most `most` bars of equal length, each a whole number of seconds. */
export function barsOf(seconds: readonly ProbeSecond[], most: number): readonly ProbeBar[] {
  const length = Math.max(1, Math.ceil(seconds.length / most));
  return Array.from({ length: Math.ceil(seconds.length / length) }, (_, index) => {
    const part = seconds.slice(index * length, (index + 1) * length);
    const sum = (key: "reads" | "writes" | "failed") => part.reduce((total, one) => total + one[key], 0);
    return { from: index * length, seconds: part.length, reads: sum("reads"), writes: sum("writes"), failed: sum("failed") };
  });
}
