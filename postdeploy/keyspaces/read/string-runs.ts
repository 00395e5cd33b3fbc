/**
 * A run of plain strings in a guarded keyspace: looked at and written as bytes, as long as nothing about them needs thinking.
 *
 * Either the store holds every one of them as declared, or none of them: the two cases of nearly every batch. Whatever else is found is left
 * to the long way, entry by entry.
 */
import { formatLedgerRow } from "../seed/decide.ts";
import { WRITE_STRINGS } from "../seed/lua.ts";
import type { StoreConnection } from "../wire/connection.ts";
import type { Reply } from "../wire/resp.ts";
import { RespWriter } from "../wire/resp-writer.ts";
import type { Entry, Policy } from "./entry.ts";
import type { KeySet } from "./key-set.ts";
import type { Keyspace } from "./keyspace.ts";
import { LineScanner } from "./line-scanner.ts";
import { type LineBlock, parseLine } from "./lines.ts";
import { parseEntry } from "./parse.ts";
import { digestString } from "./value.ts";

export interface StringRun {
  readonly file: string;
  /** Of the first one. */
  readonly line: number;
  /** Of the block that it is in. */
  readonly bytes: Buffer;
  readonly keys: number;
  /** Bytes of its lines. */
  readonly size: number;
  /** For each line: where it begins and ends, where its key does, where its value does. */
  readonly marks: Int32Array;
}

/** How many numbers a line has in `marks`, and where the key and the value are among them. */
const MARKS_PER_LINE = 6;
const [KEY, KEY_END, VALUE, VALUE_END] = [2, 3, 4, 5] as const;
/** Fewer than this are not worth a round trip of their own. */
const MIN_RUN = 100;
const LF = 10;

/** Finds runs in a block of lines; what lies between them is a block again. */
export class StringRunFinder {
  readonly #scan: LineScanner;
  readonly #most: number;
  readonly #possible: boolean;
  readonly #marks: Int32Array;

  constructor(keyspace: Keyspace, most: number) {
    this.#scan = new LineScanner(keyspace);
    this.#most = most;
    this.#marks = new Int32Array(MARKS_PER_LINE * most);
    // What is written one time is asked for in the ledger first.
    this.#possible = keyspace.policy !== "once";
  }

  *split({ bytes, file, line: first }: LineBlock): Generator<StringRun | LineBlock> {
    // From `rest` on nothing was given out yet.
    let [rest, restLine] = [0, first];
    for (let from = 0, line = first; this.#possible && from < bytes.length; ) {
      const { keys, end } = this.#strings(bytes, from);
      if (keys < MIN_RUN) {
        // The line that ended it is none of a run.
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

  /** As many plain strings as follow one another from here. */
  #strings(bytes: Buffer, start: number): { readonly keys: number; readonly end: number } {
    const scan = this.#scan;
    let [from, keys] = [start, 0];
    while (from < bytes.length && keys < this.#most) {
      const next = nextLine(bytes, from);
      const end = bytes[next - 1] === LF ? next - 1 : next;
      if (scan.scan(bytes, from, end)?.type !== "string" || scan.ttl > 0) break;
      const at = MARKS_PER_LINE * keys++;
      this.#marks[at] = from;
      this.#marks[at + 1] = end;
      this.#marks[at + 2] = scan.key;
      this.#marks[at + 3] = scan.keyEnd;
      this.#marks[at + 4] = scan.marks[2] as number;
      this.#marks[at + 5] = scan.marks[3] as number;
      from = next;
    }
    return { keys, end: from };
  }
}

function nextLine(bytes: Buffer, from: number): number {
  const feed = bytes.indexOf(LF, from);
  return feed === -1 ? bytes.length : feed + 1;
}

export type RunState = "as declared" | "absent" | "otherwise";

const [MGET, EXISTS, EVAL] = ["MGET", "EXISTS", "EVAL"].map((name) => Buffer.from(name)) as [Buffer, Buffer, Buffer];

/** A call blocks the store for everybody else, so it is kept short. */
const KEYS_PER_CALL = 100;
const WRITE_SCRIPT = Buffer.from(WRITE_STRINGS);

/** What asks a store about runs and writes them. */
export class StringRunStore {
  readonly #connection: StoreConnection;
  /** What is found in one place is found in the next: a store has all of a keyspace nearly always, or nothing yet. */
  #absent = false;
  /** Buffers of what was answered, and so was sent: each new one is work for the garbage collector. */
  readonly #spare: RespWriter[] = [];

  constructor(connection: StoreConnection) {
    this.#connection = connection;
  }

  async look(run: StringRun): Promise<RunState> {
    if (this.#absent && (await this.#isAbsent(run))) return "absent";
    const values = await this.#asked((out) => writeKeysCommand(out, MGET, run), 1, run);
    if (values === undefined) {
      this.#absent = false;
      return "as declared";
    }
    const none = (this.#connection.unwrap(values[0]) as readonly Reply[]).every((one) => one === null);
    // What has another type reads as absent, too.
    this.#absent = none && (await this.#isAbsent(run));
    return this.#absent ? "absent" : "otherwise";
  }

  /** @returns the numbers of those that somebody else has written meanwhile. */
  async write(run: StringRun, ledger: string, policy: Policy): Promise<number[]> {
    await this.#connection.drained;
    const calls = Math.ceil(run.keys / KEYS_PER_CALL);
    const replies = (await this.#asked((out) => writeSeedCalls(out, run, ledger, policy), calls)) ?? [];
    return replies.flatMap((reply, call) =>
      (this.#connection.unwrap(reply) as readonly number[]).map((number) => KEYS_PER_CALL * call + number),
    );
  }

  async #isAbsent(run: StringRun): Promise<boolean> {
    const [there] = (await this.#asked((out) => writeKeysCommand(out, EXISTS, run), 1)) ?? [];
    return this.#connection.unwrap(there) === 0;
  }

  /** @param foretold whose values the answer has if nothing has changed */
  async #asked(add: (out: RespWriter) => void, count: number, foretold?: StringRun): Promise<readonly Reply[] | undefined> {
    const out = this.#spare.pop()?.reset() ?? new RespWriter(BUFFER_BYTES);
    add(out);
    const expected = foretold && (this.#spare.pop()?.reset() ?? new RespWriter(BUFFER_BYTES));
    if (foretold && expected) writeExpectedValues(expected, foretold);
    const replies = await this.#connection.exchange(out.bytes(), count, expected?.bytes());
    this.#spare.push(out);
    if (expected) this.#spare.push(expected);
    return replies;
  }
}

const BUFFER_BYTES = 256 * 1024;

function writeKeysCommand(out: RespWriter, name: Buffer, { bytes, marks, keys }: StringRun): void {
  out.beginCommand(keys + 1).part(name);
  for (let at = 0; at < MARKS_PER_LINE * keys; at += MARKS_PER_LINE) out.part(bytes, marks[at + KEY], marks[at + KEY_END]);
}

function writeExpectedValues(out: RespWriter, { bytes, marks, keys }: StringRun): void {
  out.beginCommand(keys);
  for (let at = 0; at < MARKS_PER_LINE * keys; at += MARKS_PER_LINE) out.part(bytes, marks[at + VALUE], marks[at + VALUE_END]);
}

function writeSeedCalls(out: RespWriter, { bytes, marks, keys }: StringRun, ledger: string, policy: Policy): void {
  for (let first = 0; first < keys; first += KEYS_PER_CALL) {
    const last = Math.min(first + KEYS_PER_CALL, keys);
    out.beginCommand(4 + 3 * (last - first)).part(EVAL);
    out
      .part(WRITE_SCRIPT)
      .writeText(String(last - first + 1))
      .writeText(ledger);
    for (let at = MARKS_PER_LINE * first; at < MARKS_PER_LINE * last; at += MARKS_PER_LINE)
      out.part(bytes, marks[at + KEY], marks[at + KEY_END]);
    for (let at = MARKS_PER_LINE * first; at < MARKS_PER_LINE * last; at += MARKS_PER_LINE) {
      const [from, end] = [marks[at + VALUE] as number, marks[at + VALUE_END] as number];
      out.writeText(formatLedgerRow(policy, digestString(bytes, from, end))).part(bytes, from, end);
    }
  }
}

export function parseRunEntries(run: StringRun, keyspace: Keyspace, numbers?: readonly number[]): Entry[] {
  const wanted = numbers ?? Array.from({ length: run.keys }, (_, nth) => nth);
  return wanted.map((nth) => {
    const place = { file: run.file, line: run.line + nth };
    const [from, end] = [run.marks[MARKS_PER_LINE * nth], run.marks[MARKS_PER_LINE * nth + 1]];
    return parseEntry(parseLine(run.bytes.toString("utf8", from, end), place), keyspace, place);
  });
}

/** @returns the number of the first key that was in there, or -1. */
export function addRunKeys(keys: KeySet, { bytes, marks, keys: count }: StringRun, from: number): number {
  for (let nth = from; nth < count; nth++)
    if (!keys.addAscii(bytes, marks[MARKS_PER_LINE * nth + KEY] as number, marks[MARKS_PER_LINE * nth + KEY_END] as number)) return nth;
  return -1;
}

export const readRunKey = ({ bytes, marks }: StringRun, nth: number): string =>
  bytes.toString("latin1", marks[MARKS_PER_LINE * nth + KEY], marks[MARKS_PER_LINE * nth + KEY_END]);
