/** An argument that cannot be used, told to the person who wrote it: where it stands, what it is, what is allowed, what to type instead. */
import * as pulumi from "@pulumi/pulumi";

/** A sentence without a stack trace, attached to its component. */
export function mistake(component: pulumi.Resource, text: string): pulumi.ResourceError {
  const sentence = `${pulumi.resourceName(component)}: ${text}`;
  return asWritten(new pulumi.ResourceError(sentence, component, true), sentence);
}

/** The same where no component is at hand. */
export function mistakeIn(sentence: string): pulumi.RunError {
  return asWritten(new pulumi.RunError(sentence), sentence);
}

/**
 * Pulumi would put every input that the error passes through in front of the sentence, and print the stack where it surfaces outside of a resource; so
 * the sentence stays as it is, and there is no stack.
 */
function asWritten<T extends Error>(error: T, sentence: string): T {
  error.stack = "";
  return Object.defineProperty(error, "message", { get: () => sentence, set: () => undefined });
}

/** What a check answers: the problem, or nothing. */
export type Problem = string | undefined;

/** Throws when there is a problem, and tells all of them at once: one run, one list to work through. */
export function refuse(component: pulumi.Resource, problems: readonly Problem[]): void {
  const found = problems.filter((problem) => problem !== undefined);
  const [only] = found;
  if (only === undefined) return;
  throw mistake(
    component,
    found.length === 1 ? only : `${found.length} arguments cannot be used.\n${found.map((problem) => `  - ${problem}`).join("\n")}`,
  );
}
