/**
 * A journal: a file of JSON lines, to which a run appends what it has done, so that a run that was killed is continued by the next one. A line counts once
 * it ends; half of a line that a killed run has left is cut off.
 */
import { closeSync, existsSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { Failure } from "../postdeploy/connect/failure.ts";

/** @returns none where there is no file */
export const readJsonLines = <T>(file: string): readonly T[] => readWhole<T>(file).entries;

export interface JsonLines<T> {
  readonly entries: readonly T[];
  /** Written to the disk when it returns. */
  append(entry: T): void;
  close(): void;
}

/** Creates the file where there is none. The caller makes sure that no other process appends to it. */
export function openJsonLines<T>(file: string): JsonLines<T> {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const whole = readWhole<T>(file);
  const entries = [...whole.entries];
  const descriptor = openSync(file, existsSync(file) ? "r+" : "w+", 0o600);
  let end = whole.bytes;
  ftruncateSync(descriptor, end);
  return {
    entries,
    append(entry) {
      entries.push(entry);
      end += writeSync(descriptor, `${JSON.stringify(entry)}\n`, end);
      fsyncSync(descriptor);
    },
    close: () => closeSync(descriptor),
  };
}

function readWhole<T>(file: string): { readonly entries: readonly T[]; readonly bytes: number } {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  const entries = whole.split("\n").flatMap((line, index) => (line === "" ? [] : [parseLine<T>(line, `${file}:${index + 1}`)]));
  return { entries, bytes: Buffer.byteLength(whole) };
}

function parseLine<T>(line: string, place: string): T {
  try {
    return JSON.parse(line) as T;
  } catch (error) {
    throw new Failure(
      "journal-damaged",
      1,
      `${place} is not valid JSON: ${(error as Error).message}. slipway wrote this journal; repair the line, or move the file away.`,
    );
  }
}
