/**
 * What was done about the phase of a system, as JSON lines: every change with its reasons to skip a gate. A change that has begun and not ended is continued
 * by the next run.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { lockDirectory } from "../../local/cloud/store/lock.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Phase } from "../../settings/settings.ts";

export type PhaseEntry =
  | {
      readonly kind: "began";
      readonly from: Phase;
      readonly to: Phase;
      readonly at: string;
      /** Gates that were closed and were skipped. */
      readonly forced?: readonly string[];
      readonly reason?: string;
    }
  | { readonly kind: "done"; readonly from: Phase; readonly to: Phase; readonly at: string };

export interface PhaseJournal {
  readonly entries: readonly PhaseEntry[];
  append(entry: PhaseEntry): void;
}

/** @param folder Of the project's state: ".slipway" */
export const journalFile = (folder: string, stack: string, system: string): string =>
  path.join(folder, "phase", `${stack}-${system}.jsonl`);

export function openPhaseJournal(file: string): PhaseJournal {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  // A line counts once it ends: a killed run may have left half of one.
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  const entries = lines.flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as PhaseEntry];
    } catch {
      return [];
    }
  });
  const isCut = text !== "" && !text.endsWith("\n");
  return {
    entries,
    append(entry) {
      mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      const descriptor = openSync(file, "a", 0o600);
      writeSync(descriptor, `${isCut && entries.length === lines.length - 1 ? "\n" : ""}${JSON.stringify(entry)}\n`);
      fsyncSync(descriptor);
      closeSync(descriptor);
      entries.push(entry);
    },
  };
}

/** @returns the change that has begun and not ended */
export function findUnfinished(entries: readonly PhaseEntry[]): Extract<PhaseEntry, { kind: "began" }> | undefined {
  const last = entries.at(-1);
  return last?.kind === "began" ? last : undefined;
}

/** One change of phase in a project at a time. @throws {Failure} with exit code 75 while another run changes one */
export async function withPhaseLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const locked = path.join(folder, "phase");
  mkdirSync(locked, { recursive: true, mode: 0o700 });
  let unlock: () => void;
  try {
    unlock = lockDirectory(locked);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
    const [, pid = "unknown"] = /process (\d+)/.exec((error as Error).message) ?? [];
    throw new Failure(
      "phase-running",
      75,
      `Another run of slipway phase is changing a phase in this project: process ${pid}. Nothing was changed. Type the command again when it has ended.`,
    );
  }
  try {
    return await work();
  } finally {
    unlock();
  }
}
