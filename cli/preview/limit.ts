/**
 * Limits the time of the comparison and of the reports. What they work on comes from the head, which can be made to take long, and code that runs cannot be
 * interrupted by its own process: a thread ends the process.
 */
import { Worker } from "node:worker_threads";
import { LIMITS } from "../../preview/sandbox/run.ts";

const WATCH = `
const { workerData } = require("node:worker_threads");
setTimeout(() => {
  require("node:fs").writeSync(2, workerData.message);
  process.kill(process.pid, "SIGKILL");
}, workerData.seconds * 1000);
`;

/** Ends this process after the time, unless it has ended before. */
export function limitComparison(seconds: number = LIMITS.seconds): void {
  const message = `The comparison did not finish within ${seconds} seconds, so there is no review. The change declares more than a review can show; split it, or raise the limit: --timeout <seconds>\n`;
  new Worker(WATCH, { eval: true, workerData: { message, seconds } }).unref();
}
