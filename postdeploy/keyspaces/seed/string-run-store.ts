/**
 * Compares and writes runs of plain strings as bytes.
 *
 * In nearly every batch the store holds either all strings as declared or none of them. Any other batch is parsed and goes through
 * guarded seeding entry by entry.
 */
import type { Policy } from "../read/entry.ts";
import { KEY, KEY_END, MARKS_PER_LINE, type StringRun, VALUE, VALUE_END } from "../read/string-runs.ts";
import { digestString } from "../read/value.ts";
import type { StoreConnection } from "../wire/connection.ts";
import type { Reply } from "../wire/resp.ts";
import { RespWriter } from "../wire/resp-writer.ts";
import { formatLedgerRow } from "./decide.ts";
import { WRITE_STRINGS } from "./lua.ts";

export type RunState = "as declared" | "absent" | "different";

const [MGET, EXISTS, EVAL] = ["MGET", "EXISTS", "EVAL"].map((name) => Buffer.from(name)) as [Buffer, Buffer, Buffer];

/** A script call blocks the store for other clients, so it is kept short. */
const KEYS_PER_CALL = 100;
const WRITE_SCRIPT = Buffer.from(WRITE_STRINGS);

export class StringRunStore {
  readonly #connection: StoreConnection;
  /** The last run was absent. The next one probably is too, so check EXISTS before MGET. */
  #lastWasAbsent = false;
  /** Buffers to reuse, which saves garbage collection. */
  readonly #spareWriters: RespWriter[] = [];

  constructor(connection: StoreConnection) {
    this.#connection = connection;
  }

  async compare(run: StringRun): Promise<RunState> {
    if (this.#lastWasAbsent && (await this.#isAbsent(run))) return "absent";
    const values = await this.#exchange((out) => writeKeysCommand(out, MGET, run), 1, run);
    if (values === undefined) {
      this.#lastWasAbsent = false;
      return "as declared";
    }
    const none = (this.#connection.unwrap(values[0]) as readonly Reply[]).every((value) => value === null);
    // MGET also returns null for keys of another type.
    this.#lastWasAbsent = none && (await this.#isAbsent(run));
    return this.#lastWasAbsent ? "absent" : "different";
  }

  /** @returns the indexes of keys that another client has written in the meantime. */
  async write(run: StringRun, ledger: string, policy: Policy): Promise<number[]> {
    await this.#connection.drained;
    const calls = Math.ceil(run.keys / KEYS_PER_CALL);
    const replies = (await this.#exchange((out) => writeSeedCalls(out, run, ledger, policy), calls)) ?? [];
    return replies.flatMap((reply, call) =>
      (this.#connection.unwrap(reply) as readonly number[]).map((index) => KEYS_PER_CALL * call + index),
    );
  }

  async #isAbsent(run: StringRun): Promise<boolean> {
    const [existing] = (await this.#exchange((out) => writeKeysCommand(out, EXISTS, run), 1)) ?? [];
    return this.#connection.unwrap(existing) === 0;
  }

  /** @param expectedRun the run whose values the reply contains if nothing has changed */
  async #exchange(add: (out: RespWriter) => void, count: number, expectedRun?: StringRun): Promise<readonly Reply[] | undefined> {
    const out = this.#spareWriters.pop()?.reset() ?? new RespWriter(BUFFER_BYTES);
    add(out);
    const expected = expectedRun && (this.#spareWriters.pop()?.reset() ?? new RespWriter(BUFFER_BYTES));
    if (expectedRun && expected) writeExpectedValues(expected, expectedRun);
    const replies = await this.#connection.exchange(out.bytes(), count, expected?.bytes());
    this.#spareWriters.push(out);
    if (expected) this.#spareWriters.push(expected);
    return replies;
  }
}

const BUFFER_BYTES = 256 * 1024;

function writeKeysCommand(out: RespWriter, name: Buffer, { bytes, marks, keys }: StringRun): void {
  out.beginCommand(keys + 1).writeArgument(name);
  for (let at = 0; at < MARKS_PER_LINE * keys; at += MARKS_PER_LINE) out.writeArgument(bytes, marks[at + KEY], marks[at + KEY_END]);
}

function writeExpectedValues(out: RespWriter, { bytes, marks, keys }: StringRun): void {
  out.beginCommand(keys);
  for (let at = 0; at < MARKS_PER_LINE * keys; at += MARKS_PER_LINE) out.writeArgument(bytes, marks[at + VALUE], marks[at + VALUE_END]);
}

function writeSeedCalls(out: RespWriter, { bytes, marks, keys }: StringRun, ledger: string, policy: Policy): void {
  for (let first = 0; first < keys; first += KEYS_PER_CALL) {
    const last = Math.min(first + KEYS_PER_CALL, keys);
    out.beginCommand(4 + 3 * (last - first)).writeArgument(EVAL);
    out
      .writeArgument(WRITE_SCRIPT)
      .writeText(String(last - first + 1))
      .writeText(ledger);
    for (let at = MARKS_PER_LINE * first; at < MARKS_PER_LINE * last; at += MARKS_PER_LINE)
      out.writeArgument(bytes, marks[at + KEY], marks[at + KEY_END]);
    for (let at = MARKS_PER_LINE * first; at < MARKS_PER_LINE * last; at += MARKS_PER_LINE) {
      const [from, end] = [marks[at + VALUE] as number, marks[at + VALUE_END] as number];
      out.writeText(formatLedgerRow(policy, digestString(bytes, from, end))).writeArgument(bytes, from, end);
    }
  }
}
