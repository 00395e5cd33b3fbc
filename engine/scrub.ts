/** Texts that may be shown: what is secret in them gives way to "[secret]". */
import type { Problem } from "./error.ts";
import { finder, replaceForms } from "./forms.ts";
import type { Message } from "./plan.ts";
import { maskShapes, SECRET } from "./shapes.ts";
import { isMadeUp } from "./standin.ts";

export interface Scrubber {
  text(text: string): string;
  message(message: Message): Message;
  problem(problem: Problem): Problem;
}

/** Replaces the given secrets, however they are written, parts of them, and whatever looks like a secret. */
export function scrubber(secrets: readonly string[]): Scrubber {
  const find = finder(secrets.filter((secret) => !isMadeUp(secret)));
  return {
    text,
    message: (message) => ({ ...message, text: text(message.text), ...held(message.text) }),
    problem: (problem) => ({
      ...problem,
      message: text(problem.message),
      ...(problem.urn && { urn: text(problem.urn) }),
      ...(problem.source && { source: { ...problem.source, file: text(problem.source.file) } }),
    }),
  };

  function text(given: string): string {
    return maskShapes(replaceForms(given, find(given), SECRET));
  }

  function held(given: string): { readonly held?: readonly string[] } {
    const secrets = new Set(find(given).map(({ secret }) => secret));
    return secrets.size === 0 ? {} : { held: [...secrets] };
  }
}
