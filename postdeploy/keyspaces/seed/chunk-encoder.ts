/**
 * Encodes the lines of a chunk as commands. Parsing would dominate the time of bulk seeding, so lines in plain form are copied from the buffer
 * of the file. Every other line is parsed; both ways produce the same commands.
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

interface EncodedChunk {
  readonly bytes: Buffer;
  readonly replyCount: number;
  /** The exact replies, if they can be predicted. */
  readonly expected: Buffer | undefined;
  readonly keys: number;
  /** Two 32-bit integers per key. */
  readonly hashes: Buffer;
  /** Keys whose hash occurred before. The files decide whether they are duplicates. */
  readonly possibleDuplicates: readonly string[];
}

const LF = 10;
const [SET, HSET, ZADD] = ["SET", "HSET", "ZADD"].map((name) => Buffer.from(name)) as [Buffer, Buffer, Buffer];

export class ChunkEncoder {
  readonly #keyspace: Keyspace;
  readonly #declared: KeySet;
  readonly #isFresh: boolean;
  readonly #scanner: LineScanner;
  // State of the current chunk.
  #out = new RespWriter(0);
  #expected: string | undefined;
  #replyCount = 0;
  #keys = 0;
  #hashes = new Int32Array(2 * 4096);
  #possibleDuplicates: string[] = [];

  /** @param isFresh see `addWriteCommands` */
  constructor(keyspace: Keyspace, declared: KeySet, isFresh: boolean) {
    this.#keyspace = keyspace;
    this.#declared = declared;
    this.#isFresh = isFresh;
    this.#scanner = new LineScanner(keyspace);
  }

  /** Validates all lines of the chunk. */
  encode(chunk: Chunk): EncodedChunk {
    this.#out = new RespWriter(chunk.bytes * 2 + 4096);
    this.#expected = "";
    this.#replyCount = 0;
    this.#keys = 0;
    this.#possibleDuplicates = [];
    if (chunk.block === undefined) for (const { raw, location } of chunk.declarations()) this.#addParsed(raw, location);
    else this.#addLines(chunk.block.bytes, chunk.block.file, chunk.block.line);
    return {
      bytes: this.#out.bytes(),
      replyCount: this.#replyCount,
      expected: this.#expected === undefined ? undefined : Buffer.from(this.#expected),
      keys: this.#keys,
      hashes: Buffer.from(this.#hashes.slice(0, 2 * this.#keys).buffer),
      possibleDuplicates: this.#possibleDuplicates,
    };
  }

  #addLines(bytes: Buffer, file: string, first: number): void {
    for (let from = 0, line = first; from < bytes.length; line++) {
      const feed = bytes.indexOf(LF, from);
      const end = feed === -1 ? bytes.length : feed;
      if (!this.#addPlain(bytes, from, end)) {
        const location = { file, line };
        const raw = parseLine(bytes.toString("utf8", from, end), location);
        if (raw !== undefined) this.#addParsed(raw, location);
      }
      from = end + 1;
    }
  }

  #addParsed(raw: unknown, location: FileLocation): void {
    const entry = parseEntry(raw, this.#keyspace, location);
    if (!this.#declared.add(entry.key)) this.#possibleDuplicates.push(entry.key);
    this.#recordHash();
    const commands = new Commands();
    this.#replyCount += addWriteCommands(commands, entry, this.#isFresh);
    this.#out.writeRaw(commands.take());
    this.#expected = undefined;
  }

  #addPlain(bytes: Buffer, from: number, end: number): boolean {
    const scanner = this.#scanner;
    const pattern = scanner.scan(bytes, from, end);
    if (pattern === undefined || (pattern.type !== "string" && !this.#isFresh)) return false;
    const { key, keyEnd, ttl } = scanner;
    if (!this.#declared.addAscii(bytes, key, keyEnd)) this.#possibleDuplicates.push(bytes.toString("latin1", key, keyEnd));
    this.#recordHash();
    if (pattern.type === "string") this.#addString(bytes);
    else this.#addPairs(bytes, pattern.type === "zset");
    this.#replyCount += ttl > 0 && pattern.type !== "string" ? 2 : 1;
    return true;
  }

  #addString(bytes: Buffer): void {
    const { key, keyEnd, marks, ttl } = this.#scanner;
    this.#out
      .beginCommand(ttl > 0 ? 5 : 3)
      .writeArgument(SET)
      .writeArgument(bytes, key, keyEnd)
      .writeArgument(bytes, marks[2], marks[3]);
    if (ttl > 0) this.#out.writeText("PX").writeText(String(ttl));
    this.#expect("+OK\r\n");
  }

  #addPairs(bytes: Buffer, scores: boolean): void {
    const { key, keyEnd, marks, pairs, ttl } = this.#scanner;
    const out = this.#out
      .beginCommand(2 + 2 * pairs)
      .writeArgument(scores ? ZADD : HSET)
      .writeArgument(bytes, key, keyEnd);
    for (let mark = 0; mark < 4 * pairs; mark += 4) {
      if (scores) out.writeArgument(bytes, marks[mark + 2], marks[mark + 3]).writeArgument(bytes, marks[mark], marks[mark + 1]);
      else out.writeArgument(bytes, marks[mark], marks[mark + 1]).writeArgument(bytes, marks[mark + 2], marks[mark + 3]);
    }
    this.#expect(`:${pairs}\r\n`);
    if (ttl === 0) return;
    out.beginCommand(3).writeText("PEXPIRE").writeArgument(bytes, key, keyEnd).writeText(String(ttl));
    this.#expect(":1\r\n");
  }

  #expect(reply: string): void {
    if (this.#expected !== undefined) this.#expected += reply;
  }

  /** Records the hash of the key that was added to `#declared` last. */
  #recordHash(): void {
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
