/** How an error is told: in its own words, without what this process was given to keep. */

import { scrubber } from "../../engine/scrub.ts";
import { MIN_SUBSTRING_LENGTH } from "../../engine/secret-search.ts";
import { BAD_INPUT, FAILED } from "./command.ts";
import { missingPackage } from "./missing-package.ts";
import { type Terminal, terminal } from "./terminal.ts";

/** @returns the exit code. */
export function report(error: unknown, io: Terminal = terminal(process.stdout, process.stderr)): number {
  const { text } = scrubber(secretsGiven());
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const missing = missingPackage(error);
  io.say(text(missing ?? message));
  if (process.env.SLIPWAY_DEBUG === "1") io.say(text(describeWhole(error)));
  return missing !== undefined || name === "UsageError" || name === "ProjectError" ? BAD_INPUT : FAILED;
}

function describeWhole(error: unknown, depth = 0): string {
  // A cause may be its own.
  if (!(error instanceof Error) || depth === 8) return String(error);
  const inner = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  return [error.stack ?? "", ...inner.map((cause) => `caused by: ${describeWhole(cause, depth + 1)}`)].join("\n");
}

/** A library's error may repeat a password that it was handed, on its own and far from the URL in which it came. */
function secretsGiven(): readonly string[] {
  const kept = Object.entries(process.env).flatMap(([key, value = ""]) => (KEPT.test(key) ? [value] : passwordsIn(value)));
  return [...kept, ...process.argv.flatMap(passwordsIn)].filter((text) => text.length >= MIN_SUBSTRING_LENGTH);
}

const KEPT = /(?:TOKEN|SECRET|PASSWORD|PASSPHRASE|(?:ACCESS|API|SECRET|PRIVATE)_?KEY)$/i;

function passwordsIn(text: string): readonly string[] {
  return /:\/\/[^\s/]*:[^\s]*@/.test(text) ? [text] : [];
}
