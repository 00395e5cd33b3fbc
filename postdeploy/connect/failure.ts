/**
 * A failure that a person can act on: what happened, where, and what to type next. It is shown without a stack trace.
 *
 * 1   failed, and nothing is half applied
 * 2   the input is wrong; nothing was sent
 * 3   the outcome is unknown; the next run finds it out
 * 75  another run holds the lock; try again
 */
export type Exit = 1 | 2 | 3 | 75;

export class Failure extends Error {
  readonly code: string;
  readonly exit: Exit;

  /** @param code a short name of the kind of failure, the same for ever: machines compare it, people read the message. */
  constructor(code: string, exit: Exit, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Failure";
    this.code = code;
    this.exit = exit;
  }
}
