/** Finds runs of plain strings in data files, which guarded seeding compares and writes as bytes. */
import type { Entry } from "./entry.ts";
import type { KeySet } from "./key-set.ts";
import type { Keyspace } from "./keyspace.ts";
import { LineScanner } from "./line-scanner.ts";
import { type LineBlock, parseLine } from "./lines.ts";
import { parseEntry } from "./parse.ts";

export interface StringRun {
  readonly file: string;
  /** Of the first string. */
  readonly line: number;
  /** The block that contains the run. */
  readonly bytes: Buffer;
  readonly keys: number;
  /** Length of the lines in bytes. */
  readonly size: number;
  /** For each line: start and end of the line, of the key, and of the value. */
  readonly marks: Int32Array;
}

/** The layout of `marks`. */
export const MARKS_PER_LINE = 6;
export const [KEY, KEY_END, VALUE, VALUE_END] = [2, 3, 4, 5] as const;
/** A shorter run is not worth its own round trip. */
const MIN_RUN = 100;
const LF = 10;

/** Splits a block of lines into runs and blocks of other lines. */
export class StringRunFinder {
  readonly #scanner: LineScanner;
  readonly #maxKeys: number;
  readonly #isAllowed: boolean;
  readonly #marks: Int32Array;

  constructor(keyspace: Keyspace, maxKeys: number) {
    this.#scanner = new LineScanner(keyspace);
    this.#maxKeys = maxKeys;
    this.#marks = new Int32Array(MARKS_PER_LINE * maxKeys);
    // Policy once needs a ledger lookup per key.
    this.#isAllowed = keyspace.policy !== "once";
  }

  *split({ bytes, file, line: first }: LineBlock): Generator<StringRun | LineBlock> {
    // Everything before `rest` is yielded.
    let [rest, restLine] = [0, first];
    for (let from = 0, line = first; this.#isAllowed && from < bytes.length; ) {
      const { keys, end } = this.#scanStrings(bytes, from);
      if (keys < MIN_RUN) {
        // Skip the line that ended the run.
        from = nextLine(bytes, end);
        line += keys + 1;
        continue;
      }
      if (from > rest) yield { file, line: restLine, bytes: bytes.subarray(rest, from) };
      yield { file, line, bytes, keys, size: end - from, marks: this.#marks.slice(0, MARKS_PER_LINE * keys) };
      from = end;
      line += keys;
      [rest, restLine] = [from, line];
    }
    if (rest < bytes.length) yield { file, line: restLine, bytes: bytes.subarray(rest) };
  }

  /** Scans consecutive plain strings. */
  #scanStrings(bytes: Buffer, start: number): { readonly keys: number; readonly end: number } {
    const scanner = this.#scanner;
    let [from, keys] = [start, 0];
    while (from < bytes.length && keys < this.#maxKeys) {
      const next = nextLine(bytes, from);
      const end = bytes[next - 1] === LF ? next - 1 : next;
      if (scanner.scan(bytes, from, end)?.type !== "string" || scanner.ttl > 0) break;
      const at = MARKS_PER_LINE * keys++;
      this.#marks[at] = from;
      this.#marks[at + 1] = end;
      this.#marks[at + 2] = scanner.key;
      this.#marks[at + 3] = scanner.keyEnd;
      this.#marks[at + 4] = scanner.marks[2] as number;
      this.#marks[at + 5] = scanner.marks[3] as number;
      from = next;
    }
    return { keys, end: from };
  }
}

function nextLine(bytes: Buffer, from: number): number {
  const feed = bytes.indexOf(LF, from);
  return feed === -1 ? bytes.length : feed + 1;
}

export function parseRunEntries(run: StringRun, keyspace: Keyspace, indexes?: readonly number[]): Entry[] {
  const wanted = indexes ?? Array.from({ length: run.keys }, (_, nth) => nth);
  return wanted.map((nth) => {
    const location = { file: run.file, line: run.line + nth };
    const [from, end] = [run.marks[MARKS_PER_LINE * nth], run.marks[MARKS_PER_LINE * nth + 1]];
    return parseEntry(parseLine(run.bytes.toString("utf8", from, end), location), keyspace, location);
  });
}

/** @returns the index of the first key that the set already contains, or -1. */
export function addRunKeys(keys: KeySet, { bytes, marks, keys: count }: StringRun, from: number): number {
  for (let nth = from; nth < count; nth++)
    if (!keys.addAscii(bytes, marks[MARKS_PER_LINE * nth + KEY] as number, marks[MARKS_PER_LINE * nth + KEY_END] as number)) return nth;
  return -1;
}

export const readRunKey = ({ bytes, marks }: StringRun, nth: number): string =>
  bytes.toString("latin1", marks[MARKS_PER_LINE * nth + KEY], marks[MARKS_PER_LINE * nth + KEY_END]);
