/**
 * A failure that the operator can act on: what happened, where, and what to do. The CLI prints it without a stack trace. Exit codes:
 *
 * 1   failed, and nothing is partly applied
 * 2   the input is wrong; nothing was sent
 * 3   the outcome is unknown; the next run determines it
 * 75  another run holds the lock; try again
 */
export type Exit = 1 | 2 | 3 | 75;

export class Failure extends Error {
  readonly code: string;
  readonly exit: Exit;

  /** @param code a stable id of the kind of failure, for scripts. */
  constructor(code: string, exit: Exit, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Failure";
    this.code = code;
    this.exit = exit;
  }
}
