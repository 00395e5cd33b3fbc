/** Processes that a test started. */
import { readFileSync } from "node:fs";

/** False also for a zombie, which has ended: a container without an init process never collects it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
