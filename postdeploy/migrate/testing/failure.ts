import type { Failure } from "../../connect/failure.ts";

/** What a call that must fail says; a call that succeeds fails the test. */
export function failure(promise: Promise<unknown>): Promise<Failure> {
  return promise.then(
    (value) => Promise.reject(new Error(`It should have failed, and gave ${JSON.stringify(value)}`)),
    (error: Failure) => error,
  );
}
