import path from "node:path";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import type { Source } from "./plan.ts";
import { ProjectError } from "./projecterror.ts";
import { type Place, urnOf } from "./urn.ts";

/** One thing that is wrong with a program, in the words its author wrote for the reader. */
export interface Problem {
  readonly message: string;
  readonly urn?: string;
  /** Where it was thrown; only for errors that were not meant for a reader. */
  readonly source?: Source;
}

/** The program could not be recorded, and this is why. Everything that went wrong at once is told at once. */
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

/** What is needed to find where an error came from, and nothing else that it carries: who knows what that says, and of whom. */
export function withoutSecrets(reason: unknown, scrub: (text: string) => string, depth = 0): unknown {
  // A cause may be its own.
  if (!(reason instanceof Error) || depth === DEEPEST) return scrub(told(reason));
  const { name, message, stack = "", cause } = reason;
  const inner =
    reason instanceof AggregateError ? new AggregateError(reason.errors.map((it) => withoutSecrets(it, scrub, depth + 1))) : undefined;
  const copy = Object.assign(inner ?? new Error(), {
    name: scrub(String(name)),
    message: scrub(String(message)),
    stack: scrub(String(stack)),
  });
  if (cause !== undefined) copy.cause = withoutSecrets(cause, scrub, depth + 1);
  return copy;
}

const DEEPEST = 8;

function told(reason: unknown): string {
  try {
    return String(reason);
  } catch {
    return "something that cannot be told";
  }
}

function describe(problem: Problem): string {
  return problem.source ? `${problem.message} (${problem.source.file}:${problem.source.line})` : problem.message;
}

/** What a reader should see of something that was thrown. */
export function problemsOf(reason: unknown, place: Place, directory: string): readonly Problem[] {
  if (reason instanceof ProgramError) return reason.problems;
  if (reason instanceof ProjectError) return [{ message: reason.message }];
  if (!(reason instanceof Error)) return [{ message: told(reason) }];
  // The SDK writes the way of an error through its inputs and their inputs into the error itself.
  const said = reason.message.replace(/^(error serializing property "[^"]*": )+/, "");
  // Not as a condition: to the compiler every Error is a RunError, and nothing would be left.
  const forReaders: boolean = pulumi.RunError.isInstance(reason);
  if (forReaders) return [{ message: said }];
  if (pulumi.ResourceError.isInstance(reason)) {
    const { resource } = reason as pulumi.ResourceError;
    return [resource ? { message: said, urn: urnOfResource(resource, place) } : { message: said }];
  }
  const message = reason.name === "Error" ? said : `${reason.name}: ${said}`;
  const source = firstFrameWithin(directory, reason.stack);
  return [source ? { message, source } : { message }];
}

/** Its `urn` is an Output that a failed program may never settle, so it is told from the names alone. */
function urnOfResource(resource: pulumi.Resource, place: Place): string {
  const { __pulumiType, __name, __parentResource } = resource as unknown as Named;
  return urnOf(place, __pulumiType, __name, __parentResource && urnOfResource(__parentResource, place));
}

interface Named {
  readonly __pulumiType: string;
  readonly __name: string;
  readonly __parentResource?: pulumi.Resource;
}

function firstFrameWithin(directory: string, stack: string | undefined): Source | undefined {
  // Node puts the place of a syntax error into the first line, by itself.
  for (const [, where, line] of (stack ?? "").matchAll(/^(?: +at .*?)?((?:file:\/\/)?\/[^():\n]+):(\d+)(?::\d+)?\)?$/gm)) {
    const source = where && relativeSource(directory, where, Number(line));
    if (source) return source;
  }
  return undefined;
}

/** undefined for what lies outside of the program: its dependencies, Node itself. */
export function relativeSource(directory: string, where: string, line: number): Source | undefined {
  const file = where.startsWith("file:") ? fileURLToPath(where) : where;
  // A module may have been loaded under a query, to load it anew.
  const relative = path.relative(directory, file.replace(/\?.*$/, ""));
  if (relative.startsWith("..") || relative.split(path.sep).includes("node_modules")) return undefined;
  return { file: relative.split(path.sep).join("/"), line };
}
