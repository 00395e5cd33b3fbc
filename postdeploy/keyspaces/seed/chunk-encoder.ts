/**
 * From a chunk's lines to commands. Parsing is what bulk seeding would spend its time on, so a line of the plain form is copied from the
 * file's buffer into the socket's. Every other line is read the long way; both write the same commands.
 */
import type { Chunk } from "../read/chunks.ts";
import type { FileLocation } from "../read/entry.ts";
import type { KeySet } from "../read/key-set.ts";
import type { Keyspace } from "../read/keyspace.ts";
import { LineScanner } from "../read/line-scanner.ts";
import { parseLine } from "../read/lines.ts";
import { parseEntry } from "../read/parse.ts";
import { Commands } from "../wire/resp.ts";
import { RespWriter } from "../wire/resp-writer.ts";
import { addWriteCommands } from "./commands.ts";

export interface EncodedChunk {
  readonly bytes: Buffer;
  /** How many answers they bring. */
  readonly replies: number;
  /** These answers, where they can be foretold. */
  readonly expected: Buffer | undefined;
  readonly keys: number;
  /** Two 32-bit numbers for each key. */
  readonly hashes: Buffer;
  /** Keys whose hash was there before: to be asked for in the files. */
  readonly possibleDuplicates: readonly string[];
}

const LF = 10;
const [SET, HSET, ZADD] = ["SET", "HSET", "ZADD"].map((name) => Buffer.from(name)) as [Buffer, Buffer, Buffer];

export class ChunkEncoder {
  readonly #keyspace: Keyspace;
  readonly #declared: KeySet;
  readonly #clean: boolean;
  readonly #scan: LineScanner;
  // Of the chunk at hand.
  #out = new RespWriter(0);
  #answers: string | undefined;
  #count = 0;
  #keys = 0;
  #hashes = new Int32Array(2 * 4096);
  #doubts: string[] = [];

  /** @param clean nothing but these very entries can be there, see `addWrite` */
  constructor(keyspace: Keyspace, declared: KeySet, clean: boolean) {
    this.#keyspace = keyspace;
    this.#declared = declared;
    this.#clean = clean;
    this.#scan = new LineScanner(keyspace);
  }

  /** Every line is checked before any of the chunk is sent. */
  encode(chunk: Chunk): EncodedChunk {
    this.#out = new RespWriter(chunk.bytes * 2 + 4096);
    this.#answers = "";
    this.#count = 0;
    this.#keys = 0;
    this.#doubts = [];
    if (chunk.block === undefined) for (const [given, place] of chunk.declarations()) this.#parsed(given, place);
    else this.#lines(chunk.block.bytes, chunk.block.file, chunk.block.line);
    return {
      bytes: this.#out.bytes(),
      replies: this.#count,
      expected: this.#answers === undefined ? undefined : Buffer.from(this.#answers),
      keys: this.#keys,
      hashes: Buffer.from(this.#hashes.slice(0, 2 * this.#keys).buffer),
      possibleDuplicates: this.#doubts,
    };
  }

  #lines(bytes: Buffer, file: string, first: number): void {
    for (let from = 0, line = first; from < bytes.length; line++) {
      const feed = bytes.indexOf(LF, from);
      const end = feed === -1 ? bytes.length : feed;
      if (!this.#plain(bytes, from, end)) {
        const place = { file, line };
        const given = parseLine(bytes.toString("utf8", from, end), place);
        if (given !== undefined) this.#parsed(given, place);
      }
      from = end + 1;
    }
  }

  #parsed(given: unknown, place: FileLocation): void {
    const entry = parseEntry(given, this.#keyspace, place);
    if (!this.#declared.add(entry.key)) this.#doubts.push(entry.key);
    this.#note();
    const commands = new Commands();
    this.#count += addWriteCommands(commands, entry, this.#clean);
    this.#out.writeRaw(commands.take());
    this.#answers = undefined;
  }

  #plain(bytes: Buffer, from: number, end: number): boolean {
    const scan = this.#scan;
    const pattern = scan.scan(bytes, from, end);
    if (pattern === undefined || (pattern.type !== "string" && !this.#clean)) return false;
    const { key, keyEnd, ttl } = scan;
    if (!this.#declared.addAscii(bytes, key, keyEnd)) this.#doubts.push(bytes.toString("latin1", key, keyEnd));
    this.#note();
    if (pattern.type === "string") this.#string(bytes);
    else this.#pairs(bytes, pattern.type === "zset");
    this.#count += ttl > 0 && pattern.type !== "string" ? 2 : 1;
    return true;
  }

  #string(bytes: Buffer): void {
    const { key, keyEnd, marks, ttl } = this.#scan;
    this.#out
      .beginCommand(ttl > 0 ? 5 : 3)
      .part(SET)
      .part(bytes, key, keyEnd)
      .part(bytes, marks[2], marks[3]);
    if (ttl > 0) this.#out.writeText("PX").writeText(String(ttl));
    this.#answered("+OK\r\n");
  }

  #pairs(bytes: Buffer, scores: boolean): void {
    const { key, keyEnd, marks, pairs, ttl } = this.#scan;
    const out = this.#out
      .beginCommand(2 + 2 * pairs)
      .part(scores ? ZADD : HSET)
      .part(bytes, key, keyEnd);
    for (let mark = 0; mark < 4 * pairs; mark += 4) {
      if (scores) out.part(bytes, marks[mark + 2], marks[mark + 3]).part(bytes, marks[mark], marks[mark + 1]);
      else out.part(bytes, marks[mark], marks[mark + 1]).part(bytes, marks[mark + 2], marks[mark + 3]);
    }
    this.#answered(`:${pairs}\r\n`);
    if (ttl === 0) return;
    out.beginCommand(3).writeText("PEXPIRE").part(bytes, key, keyEnd).writeText(String(ttl));
    this.#answered(":1\r\n");
  }

  #answered(answer: string): void {
    if (this.#answers !== undefined) this.#answers += answer;
  }

  /** The hash of the key that was declared last. */
  #note(): void {
    const at = 2 * this.#keys++;
    if (at + 2 > this.#hashes.length) {
      const larger = new Int32Array(this.#hashes.length * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[at] = this.#declared.high;
    this.#hashes[at + 1] = this.#declared.low;
  }
}
