/** What was done about the phase of a system: every change with its reasons to skip a gate. */
import path from "node:path";
import { lockCommand } from "../../local/cloud/store/lock.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Phase } from "../../settings/settings.ts";

export interface Began {
  readonly kind: "began";
  readonly from: Phase;
  readonly to: Phase;
  readonly at: string;
  /** Gates that were closed and were skipped. */
  readonly forced?: readonly string[];
  readonly reason?: string;
}

export interface Done {
  readonly kind: "done";
  readonly from: Phase;
  readonly to: Phase;
  readonly at: string;
}

export type PhaseEntry = Began | Done;

/** @param state The project's folder of state: ".slipway" */
export const journalFile = (state: string, stack: string, system: string): string => path.join(state, "phase", `${stack}-${system}.jsonl`);

/** @returns the change that has begun and not ended */
export function findUnfinished(entries: readonly PhaseEntry[]): Began | undefined {
  const last = entries.at(-1);
  return last?.kind === "began" ? last : undefined;
}

/** One change of phase in a project at a time. @throws {Failure} with exit code 75 while another run changes one */
export async function withPhaseLock<T>(state: string, work: () => Promise<T>): Promise<T> {
  const unlock = lockCommand(
    path.join(state, "phase"),
    ({ pid }) =>
      new Failure(
        "phase-running",
        75,
        `Another run of slipway phase is changing a phase in this project: process ${pid}. Nothing was changed. Type the command again when it has ended.`,
      ),
  );
  try {
    return await work();
  } finally {
    unlock();
  }
}
