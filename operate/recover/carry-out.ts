/** Runs the steps of a recovery one after the other. The final `up` is left to the operator. */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { LockedError, type PulumiCli } from "./pulumi-cli.ts";
import { lockProbe, type Step } from "./steps.ts";

export interface CarryOutOptions {
  readonly pulumi: PulumiCli;
  readonly stack: string;
  readonly stackUrn: string;
  report(line: string): void;
}

export async function carryOut(steps: readonly Step[], { pulumi, stack, stackUrn, report }: CarryOutOptions): Promise<void> {
  if (steps.length === 0) return await releaseLeftLock();
  for (const { kind, purpose, args } of steps) {
    // A lock is released only when it turns out to be in the way, and to be left over.
    if (kind === "cancel" || kind === "up") continue;
    report(`${purpose}: pulumi ${args[0]}`);
    await runUnlocked(args);
  }

  /** A killed run leaves a lock even where state and account match. */
  async function releaseLeftLock(): Promise<void> {
    await runUnlocked(lockProbe({ stack, stackUrn })).catch((error: Error) => {
      // An empty state has no resource to read again, which Pulumi finds out after it has the lock.
      if (!/no resource named/.test(error.message)) throw error;
    });
  }

  async function runUnlocked(args: readonly string[]): Promise<void> {
    try {
      await pulumi.run(args);
    } catch (error) {
      if (!(error instanceof LockedError) || !isLeftOver(error)) throw error;
      report(`Release the lock of a run that has ended: pulumi cancel`);
      await pulumi.run(["cancel", "-s", stack, "--yes"]);
      await pulumi.run(args);
    }
  }
}

/** Every process that holds a lock was on this machine and has ended. A lock of Pulumi Cloud names none, and expires on its own. */
function isLeftOver({ locks }: LockedError): boolean {
  return locks.length > 0 && locks.every(({ host, pid }) => host === hostname() && !isRunning(pid));
}

/** False also for a zombie, which has ended: a container without an init process never collects it. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
