/** Ends the program without a message when Pulumi's engine ends a run first. */

/** Pulumi's language host then reports no error of the program, which has none. */
const REPORTED = 32;
/** gRPC's codes of a request that an engine does not answer any more. */
const [CANCELLED, UNAVAILABLE] = [1, 14];

/**
 * Ends this process at the first request that fails because the engine has ended the run. The engine prints why. The SDK would print the failed
 * request with its stack trace after that.
 */
export function endQuietlyWithEngine(): void {
  const end = (error: unknown) => {
    if (isEngineLoss(error)) process.exit(REPORTED);
  };
  // Before the SDK's own listeners, which print.
  process.prependListener("unhandledRejection", end);
  process.prependListener("uncaughtException", end);
}

function isEngineLoss(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === CANCELLED || code === UNAVAILABLE;
}
