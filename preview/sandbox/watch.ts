/** Limits what a process and all of its descendants use together: a limit of the kernel is for one process, or counts the user's others too. */
import { readdirSync, readFileSync } from "node:fs";

export interface Usage {
  /** The sandbox's own included. */
  readonly processes: number;
  /** Of memory. */
  readonly mebibytes: number;
  /** Of a processor. */
  readonly seconds: number;
}

const EVERY_MS = 200;

/** @param stop called with the reason once a limit is exceeded. @returns what ends the watch */
export function watchProcesses(pid: number, limits: Usage, stop: (reason: string) => void): () => void {
  if (process.platform !== "linux") return () => {};
  const timer = setInterval(() => {
    const { processes, mebibytes, seconds } = usageOf(pid);
    if (processes > limits.processes) stop(`The program started more than ${limits.processes} processes.`);
    else if (mebibytes > limits.mebibytes) stop(`The program used more than ${limits.mebibytes} MiB of memory.`);
    else if (seconds > limits.seconds) stop(`The program used more than ${limits.seconds} seconds of processor time.`);
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

interface Process {
  readonly parent: number;
  readonly pages: number;
  readonly ticks: number;
}

/** Linux reports times in hundredths of a second on every processor that Node runs on. */
const TICKS_PER_SECOND = 100;
/** The smallest page of any processor: with larger ones the limit is higher. */
const PAGE_BYTES = 4096;

/** Of the process and its descendants. */
export function usageOf(pid: number): Usage {
  const all = new Map(readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [[Number(name), readProcess(name)] as const] : [])));
  const children = new Map<number, number[]>();
  for (const [one, process] of all) if (process) children.set(process.parent, [...(children.get(process.parent) ?? []), one]);
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  const own = found.flatMap((one) => all.get(one) ?? []);
  return {
    processes: own.length,
    mebibytes: (own.reduce((sum, { pages }) => sum + pages, 0) * PAGE_BYTES) / 2 ** 20,
    seconds: own.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND,
  };
}

/** Fields by their number in proc(5). @returns undefined if the process has ended meanwhile */
function readProcess(pid: string): Process | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, which may contain anything, is in parentheses.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const field = (number: number): number => Number(fields[number - 3]);
    // With the time of the children that have ended.
    return { parent: field(4), pages: field(24), ticks: field(14) + field(15) + field(16) + field(17) };
  } catch {
    return undefined;
  }
}
