/** Processes that a test started. */
import { readdirSync, readFileSync } from "node:fs";

/** False also for a zombie, which has ended: a container without an init process never collects it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

export interface Process {
  readonly pid: number;
  readonly command: string;
}

/** The processes that descend from one process, with their command lines. Linux only. */
export function listDescendants(ancestor: number): Process[] {
  const parents = new Map<number, Process[]>();
  for (const pid of readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    try {
      // The name before the last parenthesis may hold anything.
      const parent = Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[1]);
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      parents.set(parent, [...(parents.get(parent) ?? []), { pid, command }]);
    } catch {
      // The process ended in between.
    }
  }
  const children = (pid: number): Process[] => (parents.get(pid) ?? []).flatMap((child) => [child, ...children(child.pid)]);
  return children(ancestor);
}
