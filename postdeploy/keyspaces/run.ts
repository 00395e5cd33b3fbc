/**
 * A run of plain strings in a guarded keyspace: looked at and written as bytes, as long as nothing about them needs thinking.
 *
 * Either the store holds every one of them as declared, or none of them: the two cases of nearly every batch. Whatever else is found is left
 * to the long way, entry by entry.
 */
import { rowOf } from "./decide.ts";
import type { Entry } from "./entry.ts";
import type { KeySet } from "./keyset.ts";
import type { Keyspace } from "./keyspace.ts";
import { type Block, jsonOfLine } from "./lines.ts";
import { WRITE_STRINGS } from "./lua.ts";
import { Out } from "./out.ts";
import { entryOf } from "./parse.ts";
import type { Reply } from "./resp.ts";
import { Scan } from "./scan.ts";
import { digestOfText } from "./value.ts";
import type { Wire } from "./wire.ts";

export interface Run {
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

/** How many numbers a line has in `marks`. */
const MARKS = 6;
/** Fewer than this are not worth a round trip of their own. */
const FEWEST = 100;
const LF = 10;

/** Finds runs in a block of lines; what lies between them is a block again. */
export class Runs {
  readonly #scan: Scan;
  readonly #most: number;
  readonly #possible: boolean;
  readonly #marks: Int32Array;

  constructor(keyspace: Keyspace, most: number) {
    this.#scan = new Scan(keyspace);
    this.#most = most;
    this.#marks = new Int32Array(MARKS * most);
    // What is written one time is asked for in the ledger first.
    this.#possible = keyspace.policy !== "once";
  }

  *of({ bytes, file, line: first }: Block): Generator<Run | Block> {
    // From `rest` on nothing was given out yet.
    let [rest, restLine] = [0, first];
    for (let from = 0, line = first; this.#possible && from < bytes.length; ) {
      const { keys, end } = this.#strings(bytes, from);
      if (keys < FEWEST) {
        // The line that ended it is none of a run.
        from = after(bytes, end);
        line += keys + 1;
        continue;
      }
      if (from > rest) yield { file, line: restLine, bytes: bytes.subarray(rest, from) };
      yield { file, line, bytes, keys, size: end - from, marks: this.#marks.slice(0, MARKS * keys) };
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
      const next = after(bytes, from);
      const end = bytes[next - 1] === LF ? next - 1 : next;
      if (scan.read(bytes, from, end)?.type !== "string" || scan.ttl > 0) break;
      const at = MARKS * keys++;
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

function after(bytes: Buffer, from: number): number {
  const feed = bytes.indexOf(LF, from);
  return feed === -1 ? bytes.length : feed + 1;
}

export type Found = "as declared" | "absent" | "otherwise";

const [MGET, EXISTS, EVAL] = ["MGET", "EXISTS", "EVAL"].map((name) => Buffer.from(name)) as [Buffer, Buffer, Buffer];

export async function lookAtRun(wire: Wire, run: Run): Promise<Found> {
  const expected = new Out(run.size).command(run.keys);
  for (let nth = 0; nth < run.keys; nth++) expected.part(run.bytes, ...value(run, nth));
  const replies = await wire.exchange(withKeys(MGET, run), 1, expected.take());
  if (replies === undefined) return "as declared";
  const values = wire.accepted(replies[0]) as readonly Reply[];
  if (!values.every((one) => one === null)) return "otherwise";
  // What has another type reads as absent, too.
  const [there] = (await wire.exchange(withKeys(EXISTS, run), 1)) ?? [];
  return wire.accepted(there) === 0 ? "absent" : "otherwise";
}

/** A call blocks the store for everybody else, so it is kept short. */
const KEYS_A_CALL = 100;

/** @returns the numbers of those that somebody else has written meanwhile. */
export async function writeRun(wire: Wire, ledger: string, run: Run, { policy }: Keyspace): Promise<number[]> {
  const out = new Out(run.size * 2 + 4096);
  let calls = 0;
  for (let first = 0; first < run.keys; first += KEYS_A_CALL, calls++) {
    const last = Math.min(first + KEYS_A_CALL, run.keys);
    out.command(4 + 3 * (last - first)).part(EVAL);
    out
      .part(SCRIPT)
      .text(String(last - first + 1))
      .text(ledger);
    for (let nth = first; nth < last; nth++) out.part(run.bytes, ...key(run, nth));
    for (let nth = first; nth < last; nth++)
      out.text(rowOf(policy, digestOfText(run.bytes, ...value(run, nth)))).part(run.bytes, ...value(run, nth));
  }
  await wire.drained;
  const replies = (await wire.exchange(out.take(), calls)) ?? [];
  return replies.flatMap((reply, call) => (wire.accepted(reply) as readonly number[]).map((number) => KEYS_A_CALL * call + number));
}

const SCRIPT = Buffer.from(WRITE_STRINGS);

export function entriesOf(run: Run, keyspace: Keyspace, numbers?: readonly number[]): Entry[] {
  const wanted = numbers ?? Array.from({ length: run.keys }, (_, nth) => nth);
  return wanted.map((nth) => {
    const place = { file: run.file, line: run.line + nth };
    const [from, end] = [run.marks[MARKS * nth], run.marks[MARKS * nth + 1]];
    return entryOf(jsonOfLine(run.bytes.toString("utf8", from, end), place), keyspace, place);
  });
}

/** @returns false where it was in there. */
export const addKey = (keys: KeySet, run: Run, nth: number): boolean => keys.addAscii(run.bytes, ...key(run, nth));

export const keyText = (run: Run, nth: number): string => run.bytes.toString("latin1", ...key(run, nth));

function withKeys(name: Buffer, run: Run): Buffer {
  const out = new Out(run.size + 4096).command(run.keys + 1).part(name);
  for (let nth = 0; nth < run.keys; nth++) out.part(run.bytes, ...key(run, nth));
  return out.take();
}

const key = ({ marks }: Run, nth: number): [number, number] => [marks[MARKS * nth + 2] as number, marks[MARKS * nth + 3] as number];
const value = ({ marks }: Run, nth: number): [number, number] => [marks[MARKS * nth + 4] as number, marks[MARKS * nth + 5] as number];
