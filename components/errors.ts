/** Errors of a component's arguments: sentences for the person who wrote them, without a stack trace. */
import * as pulumi from "@pulumi/pulumi";
import { formatProblemInline, type Problem } from "../catalog/problem.ts";

/** An error that Pulumi prints with the component. */
export function componentError(component: pulumi.Resource, text: string): pulumi.ResourceError {
  const message = `${pulumi.resourceName(component)}: ${text}`;
  return withFixedMessage(new pulumi.ResourceError(message, component, true), message);
}

/** The same where no component is known. */
export function programError(message: string): pulumi.RunError {
  return withFixedMessage(new pulumi.RunError(message), message);
}

/**
 * Pulumi prepends every input that the error passes through to its message, and prints the stack of an error outside of a resource. So the message cannot
 * be changed, and the stack is empty.
 */
function withFixedMessage<T extends Error>(error: T, message: string): T {
  error.stack = "";
  return Object.defineProperty(error, "message", { get: () => message, set: () => undefined });
}

/** The result of a check: undefined where the argument is valid. */
export type Check = Problem | undefined;

/** Throws one error that lists every problem. */
export function throwIfProblems(component: pulumi.Resource, checks: readonly Check[]): void {
  const problems = checks.filter((check) => check !== undefined).map(formatProblemInline);
  const [only] = problems;
  if (only === undefined) return;
  throw componentError(
    component,
    problems.length === 1
      ? only
      : `${problems.length} arguments cannot be used.\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
  );
}
