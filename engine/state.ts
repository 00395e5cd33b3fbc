/** What a realized stack remembers between two runs: every resource that stands, and the outputs of the last run that ended well. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import path from "node:path";
import type { Wire } from "./wire.ts";

export type Plain = Readonly<Record<string, unknown>>;

/** One resource that stands. Its inputs and outputs are plain values: what was secret is readable here, so the file is its owner's alone. */
export interface Standing {
  readonly urn: string;
  readonly type: string;
  readonly id: string;
  readonly inputs: Plain;
  readonly outputs: Plain;
  /** URNs that must outlive it. */
  readonly needs: readonly string[];
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly deletedWith?: string;
}

export interface State {
  readonly resources: readonly Standing[];
  /** Replaced, and not yet deleted. */
  readonly doomed: readonly Standing[];
  /** By URN: begun and never reported done, so it may stand although nothing above says so. */
  readonly begun: Readonly<Record<string, "create" | "update">>;
  /** Of the stack, with their marks as Pulumi's protocol writes them. */
  readonly outputs: Readonly<Record<string, Wire>>;
}

export interface StateStore {
  load(): State;
  /** Resolves once this state, or one saved later, is what a reader would find. */
  save(state: State): Promise<void>;
}

export const NOTHING: State = { resources: [], doomed: [], begun: {}, outputs: {} };

/** A file that is always whole: each state is written beside it and moved into its place. */
export function stateFile(file: string): StateStore {
  let wanted: State | undefined;
  let writing: Promise<void> | undefined;

  return {
    load() {
      const text = readIfThere(file);
      if (text === undefined) return NOTHING;
      try {
        return { ...NOTHING, ...(JSON.parse(text) as State) };
      } catch (error) {
        throw new Error(`${file} cannot be read: ${(error as Error).message}. Restore it, or delete it and start anew.`, { cause: error });
      }
    },
    save(state) {
      wanted = state;
      // Changes that come in one turn of the event loop share one write.
      writing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        writing = undefined;
        write(file, JSON.stringify(wanted));
      });
      return writing;
    },
  };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function write(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const handle = openSync(`${file}.new`, "w", 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(`${file}.new`, file);
}
