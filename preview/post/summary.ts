/** The summary of a job's step: a file that GitHub shows, up to one MiB. */
import { appendFileSync } from "node:fs";
import { PostError } from "./error.ts";

/** In bytes, with room for what the same step wrote before. */
export const SUMMARY_LIMIT = 1_000_000;

export function writeSummary(file: string, text: string): void {
  try {
    appendFileSync(file, text);
  } catch (error) {
    throw new PostError(`The step's summary cannot be written to ${file}: ${(error as NodeJS.ErrnoException).code}.`);
  }
}
