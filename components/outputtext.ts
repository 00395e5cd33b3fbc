/**
 * Text into which an Output was written as if it were a string. Pulumi answers `${output}` with a paragraph of advice instead of a value; sent on, that
 * paragraph would become an app's database URL or a cluster's name, and look like a working deployment until an operator reads a log.
 */
import * as pulumi from "@pulumi/pulumi";
import { throwIfProblems } from "./errors.ts";

const ADVICE = /Calling \[to(String|JSON)\] on an \[Output/;

/** What to do about it. */
export const INSTEAD =
  "an Output was written into this text, which then holds Pulumi's advice in place of the value. Write pulumi.interpolate`…` in place of `…` (or output.apply).";

export function holdsAdvice(text: unknown): boolean {
  return typeof text === "string" && ADVICE.test(text);
}

/** Looks through a component's plain arguments; what comes as an Output is known later, and is checked where it is used. */
export function refuseAdvice(component: pulumi.Resource, args: object): void {
  throwIfProblems(
    component,
    [...adviceWithin(args, "")].map((path) => ({ path, problem: INSTEAD })),
  );
}

function* adviceWithin(value: unknown, at: string): Generator<string> {
  if (holdsAdvice(value)) yield at;
  else if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* adviceWithin(item, `${at}[${index}]`);
  else if (isPlain(value)) for (const [key, item] of Object.entries(value)) yield* adviceWithin(item, at === "" ? key : `${at}.${key}`);
}

/** Neither an Output nor a resource, which would lead through half of the program. */
function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype && !pulumi.Output.isInstance(value)
  );
}
