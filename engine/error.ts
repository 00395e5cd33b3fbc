import path from "node:path";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import type { Source } from "./plan.ts";
import { ProjectError } from "./projecterror.ts";
import { type StackId, urnOf } from "./urn.ts";

/** One error of a program. */
export interface Problem {
  readonly message: string;
  readonly urn?: string;
  /** Where it was thrown; only for unexpected errors. */
  readonly source?: Source;
}

/** The program failed. Holds every error of the run, not only the first. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], cause?: unknown) {
    super(problems.map(describe).join("\n"), { cause });
    this.problems = problems;
  }

  /** The resource that the first problem is about. */
  get urn(): string | undefined {
    return this.problems[0]?.urn;
  }
}

/** A copy with what is needed to find where an error came from. Its other properties, such as a request's headers, may hold secrets. */
export function scrubbedError(reason: unknown, scrub: (text: string) => string, depth = 0): unknown {
  // A cause can refer back to its error.
  if (!(reason instanceof Error) || depth === MAX_DEPTH) return scrub(textOf(reason));
  const { name, message, stack = "", cause } = reason;
  const inner =
    reason instanceof AggregateError ? new AggregateError(reason.errors.map((it) => scrubbedError(it, scrub, depth + 1))) : undefined;
  const copy = Object.assign(inner ?? new Error(), {
    name: scrub(String(name)),
    message: scrub(String(message)),
    stack: scrub(String(stack)),
  });
  if (cause !== undefined) copy.cause = scrubbedError(cause, scrub, depth + 1);
  return copy;
}

const MAX_DEPTH = 8;

function textOf(reason: unknown): string {
  try {
    return String(reason);
  } catch {
    return "a value that cannot be printed";
  }
}

function describe(problem: Problem): string {
  return problem.source ? `${problem.message} (${problem.source.file}:${problem.source.line})` : problem.message;
}

/** The problems to report for a thrown value. */
export function problemsOf(reason: unknown, stack: StackId, directory: string): readonly Problem[] {
  if (reason instanceof ProgramError) return reason.problems;
  if (reason instanceof ProjectError) return [{ message: reason.message }];
  if (!(reason instanceof Error)) return [{ message: textOf(reason) }];
  // The SDK puts the path of inputs that an error passed through in front of its message.
  const text = reason.message.replace(/^(error serializing property "[^"]*": )+/, "");
  // As a boolean, not a type guard: the compiler takes every Error for a RunError.
  const isRunError: boolean = pulumi.RunError.isInstance(reason);
  if (isRunError) return [{ message: text }];
  if (pulumi.ResourceError.isInstance(reason)) {
    const { resource } = reason as pulumi.ResourceError;
    return [resource ? { message: text, urn: urnOfResource(resource, stack) } : { message: text }];
  }
  const message = reason.name === "Error" ? text : `${reason.name}: ${text}`;
  const source = firstFrameWithin(directory, reason.stack);
  return [source ? { message, source } : { message }];
}

/** Built from names: the resource's `urn` is an Output that may never settle in a failed program. */
function urnOfResource(resource: pulumi.Resource, stack: StackId): string {
  const { __pulumiType, __name, __parentResource } = resource as unknown as Named;
  return urnOf(stack, __pulumiType, __name, __parentResource && urnOfResource(__parentResource, stack));
}

interface Named {
  readonly __pulumiType: string;
  readonly __name: string;
  readonly __parentResource?: pulumi.Resource;
}

/** The innermost frame of the program in the text of a stack trace. */
export function firstFrameWithin(directory: string, stack: string | undefined): Source | undefined {
  // For a syntax error, Node puts the position alone in the first line.
  for (const [, where, line] of (stack ?? "").matchAll(/^(?: +at .*?)?((?:file:\/\/)?\/[^():\n]+):(\d+)(?::\d+)?\)?$/gm)) {
    const source = where && relativeSource(directory, where, Number(line));
    if (source) return source;
  }
  return undefined;
}

/** undefined for files outside the program: its dependencies, Node itself. */
export function relativeSource(directory: string, where: string, line: number): Source | undefined {
  const file = where.startsWith("file:") ? fileURLToPath(where) : where;
  // A module can be loaded again under another query.
  const relative = path.relative(directory, file.replace(/\?.*$/, ""));
  if (relative.startsWith("..") || relative.split(path.sep).includes("node_modules")) return undefined;
  return { file: relative.split(path.sep).join("/"), line };
}
