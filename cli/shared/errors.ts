/** Exit codes, the same for every command, and the error for bad input. */
export const DONE = 0;
export const FAILED = 1;
export const BAD_INPUT = 2;

/** The command line cannot be used as it is. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
