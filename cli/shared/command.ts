/** What every verb of `slipway` is. */
import type { ParseArgsOptionsConfig } from "node:util";
import type { Terminal } from "./terminal.ts";

export interface Command {
  /** Printed for --help: what to type, every flag, every exit code. */
  readonly usage: string;
  readonly options: ParseArgsOptionsConfig;
  /** Names of what may stand without a flag; none by default. */
  readonly positionals?: readonly string[];
  /** @returns the exit code. */
  run(given: Given, terminal: Terminal): Promise<number>;
}

export interface Given {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

/** Something was typed that cannot be understood. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Exit codes, the same for every verb. */
export const DONE = 0;
export const FAILED = 1;
export const BAD_INPUT = 2;
