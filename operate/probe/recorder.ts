/** What a prober measures: requests, failures by their text, the longest time without a success, and a timeline by seconds. */
import type { ProbeReport } from "../../report/probe.ts";

export type RequestKind = "read" | "write";

export type Recording = Pick<ProbeReport, "requests" | "failed" | "failures" | "slowestMs" | "longestGapMs" | "seconds">;

export interface Recorder {
  /** @param problem undefined for a success */
  record(kind: RequestKind, milliseconds: number, problem: string | undefined): void;
  count(): number;
  read(): Recording;
}

/** How many texts are kept apart. */
const MOST_FAILURES = 50;

export function openRecorder(): Recorder {
  const start = performance.now();
  const failures: Record<string, number> = {};
  const last: Record<RequestKind, number | undefined> = { read: undefined, write: undefined };
  const seconds: { second: number; reads: number; writes: number; failed: number }[] = [];
  let [requests, failed, slowestMs, longestGapMs] = [0, 0, 0, 0];

  function currentSecond(now: number) {
    const second = Math.floor((now - start) / 1000);
    while ((seconds.at(-1)?.second ?? -1) < second) seconds.push({ second: seconds.length, reads: 0, writes: 0, failed: 0 });
    return seconds[second]!;
  }

  return {
    record(kind, milliseconds, problem) {
      const now = performance.now();
      const second = currentSecond(now);
      requests++;
      slowestMs = Math.max(slowestMs, milliseconds);
      if (problem !== undefined) {
        failed++;
        second.failed++;
        const text = problem in failures || Object.keys(failures).length < MOST_FAILURES ? problem : "others";
        failures[text] = (failures[text] ?? 0) + 1;
        return;
      }
      if (kind === "read") second.reads++;
      else second.writes++;
      longestGapMs = Math.max(longestGapMs, now - (last[kind] ?? now - milliseconds));
      last[kind] = now;
    },
    count: () => requests,
    read() {
      const now = performance.now();
      // A gap that has not ended counts as well.
      const open = Object.values(last).map((time) => (time === undefined ? 0 : now - time));
      return {
        ...{ requests, failed, failures: { ...failures }, seconds: seconds.map((second) => ({ ...second })) },
        ...{ slowestMs: Math.round(slowestMs), longestGapMs: Math.round(failed === 0 ? longestGapMs : Math.max(longestGapMs, ...open)) },
      };
    },
  };
}
