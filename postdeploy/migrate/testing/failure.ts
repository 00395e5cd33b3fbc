import type { Failure } from "../../connect/failure.ts";

/** @returns the failure of a call. The test fails if the call succeeds. */
export function failure(promise: Promise<unknown>): Promise<Failure> {
  return promise.then(
    (value) => Promise.reject(new Error(`Expected a failure, but the call returned ${JSON.stringify(value)}`)),
    (error: Failure) => error,
  );
}
