/** The state of a realized stack: every deployed resource, and the outputs of the last successful run. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import path from "node:path";
import type { Wire } from "./wire.ts";

export type Plain = Readonly<Record<string, unknown>>;

/** A deployed resource. Its inputs and outputs are plain values, secrets included, so only the owner may read the file. */
export interface DeployedResource {
  readonly urn: string;
  readonly type: string;
  readonly id: string;
  readonly inputs: Plain;
  readonly outputs: Plain;
  /** URNs of resources that are deleted only after this one. */
  readonly needs: readonly string[];
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly deletedWith?: string;
}

export interface State {
  readonly resources: readonly DeployedResource[];
  /** Replaced and still to be deleted. */
  readonly doomed: readonly DeployedResource[];
  /** Operations that started and did not finish, by URN: the resource may exist without being listed above. */
  readonly begun: Readonly<Record<string, "create" | "update">>;
  /** The stack's outputs, with marks as in Pulumi's protocol. */
  readonly outputs: Readonly<Record<string, Wire>>;
}

export interface StateStore {
  load(): State;
  /** Resolves when this state, or a later one, is written. */
  save(state: State): Promise<void>;
}

export const EMPTY_STATE: State = { resources: [], doomed: [], begun: {}, outputs: {} };

/** A state in a file. Writes are atomic: to a new file that is then renamed. */
export function stateFile(file: string): StateStore {
  let latest: State | undefined;
  let writing: Promise<void> | undefined;

  return {
    load() {
      const text = readIfExists(file);
      if (text === undefined) return EMPTY_STATE;
      try {
        return { ...EMPTY_STATE, ...(JSON.parse(text) as State) };
      } catch (error) {
        throw new Error(`${file} cannot be read: ${(error as Error).message}. Restore it, or delete it and start again.`, { cause: error });
      }
    },
    save(state) {
      latest = state;
      // Changes in one turn of the event loop share one write.
      writing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        writing = undefined;
        write(file, JSON.stringify(latest));
      });
      return writing;
    },
  };
}

function readIfExists(file: string): string | undefined {
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
