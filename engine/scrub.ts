/** Replaces secrets in texts with "[secret]". */
import type { Problem } from "./error.ts";
import { isProgramPlaceholder } from "./placeholder.ts";
import type { Message } from "./plan.ts";
import { maskSecretPatterns, SECRET } from "./secret-patterns.ts";
import { replaceSecrets, secretFinder } from "./secret-search.ts";

export interface Scrubber {
  text(text: string): string;
  message(message: Message): Message;
  problem(problem: Problem): Problem;
}

/** Replaces the given secrets in every encoding, parts of them, and everything that looks like a secret. */
export function scrubber(secrets: readonly string[]): Scrubber {
  const find = secretFinder(secrets.filter((secret) => !isProgramPlaceholder(secret)));
  return {
    text,
    message: (message) => ({ ...message, text: text(message.text) }),
    problem: (problem) => ({
      ...problem,
      message: text(problem.message),
      ...(problem.urn && { urn: text(problem.urn) }),
      ...(problem.source && { source: { ...problem.source, file: text(problem.source.file) } }),
    }),
  };

  function text(original: string): string {
    return maskSecretPatterns(replaceSecrets(original, find(original), SECRET));
  }
}
