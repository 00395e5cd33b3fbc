/**
 * From lines to commands without a JavaScript value in between.
 *
 * Text in JSON that has no escape is the very bytes that go to the store, so a line in the plainest form ({"key":"…","string":"…"}, likewise
 * hash and zset, with or without a ttl at its end) is copied from the file's buffer into the socket's: a tenth of what parsing it costs, and
 * parsing is what bulk seeding would spend its time on. Every other line is read the long way; both write the same commands.
 */

import type { Chunk } from "./chunks.ts";
import { addWrite } from "./commands.ts";
import { parseDuration } from "./duration.ts";
import type { Place } from "./entry.ts";
import type { KeySet } from "./keyset.ts";
import type { Keyspace } from "./keyspace.ts";
import { jsonOfLine } from "./lines.ts";
import { entryOf } from "./parse.ts";
import type { Pattern } from "./pattern.ts";
import { Commands } from "./resp.ts";

export interface Encoded {
  readonly bytes: Buffer;
  /** How many answers they bring. */
  readonly count: number;
  /** These answers, where they can be foretold. */
  readonly expected: Buffer | undefined;
  readonly keys: number;
  /** Two 32-bit numbers for each key. */
  readonly hashes: Buffer;
  /** Keys whose hash was there before: to be asked for in the files. */
  readonly doubts: (readonly [key: string, place: Place])[];
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

const [LF, CR, QUOTE, BACKSLASH, BLANK, COMMA, COLON, MINUS, DOT] = [10, 13, 34, 92, 32, 44, 58, 45, 46];
const [ZERO, NINE, CLOSE, DOLLAR] = [48, 57, 125, 36];

const BEGIN = Buffer.from('{"key":"');
const STRING = Buffer.from('"string":"');
const HASH = Buffer.from('"hash":{"');
const ZSET = Buffer.from('"zset":{"');
const TTL = Buffer.from('"ttl":"');
const SET = Buffer.from("$3\r\nSET\r\n");
const HSET = Buffer.from("$4\r\nHSET\r\n");
const ZADD = Buffer.from("$4\r\nZADD\r\n");
const PX = Buffer.from("$2\r\nPX\r\n");
const PEXPIRE = Buffer.from("*3\r\n$7\r\nPEXPIRE\r\n");

/** More fields than this go the long way, where they are sent in several commands. */
const MOST_FIELDS = 64;

export class Lane {
  readonly #keyspace: Keyspace;
  readonly #declared: KeySet;
  readonly #clean: boolean;
  readonly #patterns: readonly { readonly start: Buffer; readonly pattern: Pattern }[] | undefined;
  readonly #ttls = new Map<string, number | undefined>();
  #in: Buffer = Buffer.alloc(0);
  #out: Buffer = Buffer.alloc(0);
  #at = 0;
  #answers: string | undefined = "";
  #hashes = new Int32Array(2 * 4096);
  /** Where each part of the line at hand begins and ends. */
  readonly #marks = new Int32Array(4 * MOST_FIELDS);

  constructor(keyspace: Keyspace, declared: KeySet, clean: boolean) {
    this.#keyspace = keyspace;
    this.#declared = declared;
    this.#clean = clean;
    this.#patterns = plainPatterns(keyspace);
  }

  /** Every line is checked before any of the chunk is sent. */
  encode(chunk: Chunk): Encoded {
    const { block } = chunk;
    const into: Writable<Encoded> = { bytes: Buffer.alloc(0), count: 0, expected: undefined, keys: 0, hashes: Buffer.alloc(0), doubts: [] };
    if (block === undefined) {
      const commands = new Commands();
      for (const [given, place] of chunk.declarations()) this.#parsed(commands, given, place, into);
      return { ...into, hashes: this.#noted(into.keys), bytes: commands.take() };
    }
    this.#in = block.bytes;
    this.#out = Buffer.allocUnsafe(block.bytes.length * 2 + 4096);
    this.#at = 0;
    this.#answers = "";
    let line = block.line;
    for (let from = 0; from < block.bytes.length; line++) {
      const feed = block.bytes.indexOf(LF, from);
      const end = feed === -1 ? block.bytes.length : feed;
      this.#line(from, end, { file: block.file, line }, into);
      from = end + 1;
    }
    const expected = this.#answers === undefined ? undefined : Buffer.from(this.#answers);
    return { ...into, expected, hashes: this.#noted(into.keys), bytes: this.#out.subarray(0, this.#at) };
  }

  #line(from: number, end: number, place: Place, into: Writable<Encoded>): void {
    const answers = this.#fast(from, end);
    if (answers > 0) {
      const key = from + BEGIN.length;
      const keyEnd = this.#marks[0] as number;
      if (!this.#declared.addAscii(this.#in, key, keyEnd)) into.doubts.push([this.#in.toString("latin1", key, keyEnd), place]);
      this.#note(into.keys);
      into.count += answers;
      into.keys++;
      return;
    }
    const given = jsonOfLine(this.#in.toString("utf8", from, end), place);
    if (given === undefined) return;
    this.#answers = undefined;
    const commands = new Commands();
    this.#parsed(commands, given, place, into);
    this.#copyAll(commands.take());
  }

  #parsed(commands: Commands, given: unknown, place: Place, into: Writable<Encoded>): void {
    const entry = entryOf(given, this.#keyspace, place);
    if (!this.#declared.add(entry.key)) into.doubts.push([entry.key, place]);
    this.#note(into.keys);
    into.count += addWrite(commands, entry, this.#clean);
    into.keys++;
  }

  /** @returns how many answers the line's commands bring; 0 where it is not of the plain form, and nothing was written. */
  #fast(from: number, lineEnd: number): number {
    const bytes = this.#in;
    const end = bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (!starts(bytes, from, BEGIN)) return 0;
    const key = from + BEGIN.length;
    const keyEnd = this.#ascii(key);
    const pattern = this.#patternOf(key, keyEnd);
    if (keyEnd === -1 || pattern === undefined || bytes[keyEnd + 1] !== COMMA) return 0;
    const form = keyEnd + 2;
    this.#marks[0] = keyEnd;
    if (pattern.type === "string" && starts(bytes, form, STRING)) return this.#string(key, keyEnd, form + STRING.length, end, pattern);
    if (!this.#clean) return 0;
    if (pattern.type === "hash" && starts(bytes, form, HASH)) return this.#pairs(key, keyEnd, form + HASH.length, end, pattern);
    if (pattern.type === "zset" && starts(bytes, form, ZSET)) return this.#pairs(key, keyEnd, form + ZSET.length, end, pattern);
    return 0;
  }

  #string(key: number, keyEnd: number, value: number, end: number, pattern: Pattern): number {
    const valueEnd = this.#text(value);
    const ttl = valueEnd === -1 ? -1 : this.#ttl(valueEnd + 1, end, pattern);
    if (ttl === -1) return 0;
    this.#room(valueEnd - key + 128);
    this.#count(ttl > 0 ? 5 : 3);
    this.#copyAll(SET);
    this.#bulk(key, keyEnd);
    this.#bulk(value, valueEnd);
    if (ttl > 0) {
      this.#copyAll(PX);
      this.#number(ttl);
    }
    this.#answered("+OK\r\n");
    return 1;
  }

  /** Fields and values of a hash, or members and scores, up to the brace. */
  #pairs(key: number, keyEnd: number, first: number, end: number, pattern: Pattern): number {
    const bytes = this.#in;
    const marks = this.#marks;
    const scores = pattern.type === "zset";
    let pairs = 0;
    let at = first;
    for (;;) {
      const nameEnd = this.#text(at);
      if (nameEnd === -1 || bytes[nameEnd + 1] !== COLON || pairs === MOST_FIELDS - 1) return 0;
      let value = nameEnd + 2;
      let valueEnd: number;
      let next: number;
      if (bytes[value] === QUOTE && !scores) {
        valueEnd = this.#text(++value);
        next = valueEnd + 1;
      } else {
        valueEnd = this.#numeral(value, scores);
        next = valueEnd;
      }
      if (valueEnd === -1) return 0;
      pairs++;
      marks[4 * pairs] = at;
      marks[4 * pairs + 1] = nameEnd;
      marks[4 * pairs + 2] = value;
      marks[4 * pairs + 3] = valueEnd;
      if (bytes[next] === CLOSE) {
        at = next + 1;
        break;
      }
      if (bytes[next] !== COMMA || bytes[next + 1] !== QUOTE) return 0;
      at = next + 2;
    }
    const ttl = this.#ttl(at, end, pattern);
    if (ttl === -1) return 0;
    this.#room((end - key) * 2 + 32 * pairs + 256);
    this.#count(2 + 2 * pairs);
    this.#copyAll(scores ? ZADD : HSET);
    this.#bulk(key, keyEnd);
    for (let pair = 1; pair <= pairs; pair++) {
      const mark = 4 * pair + (scores ? 2 : 0);
      this.#bulk(marks[mark] as number, marks[mark + 1] as number);
      const other = 4 * pair + (scores ? 0 : 2);
      this.#bulk(marks[other] as number, marks[other + 1] as number);
    }
    this.#answered(`:${pairs}\r\n`);
    if (ttl === 0) return 1;
    this.#answered(":1\r\n");
    this.#copyAll(PEXPIRE);
    this.#bulk(key, keyEnd);
    this.#number(ttl);
    return 2;
  }

  /** What follows the value: nothing, or a ttl. @returns milliseconds, 0 for ever, -1 where the long way is to judge. */
  #ttl(at: number, end: number, pattern: Pattern): number {
    const bytes = this.#in;
    if (bytes[at] === CLOSE && at + 1 === end) return pattern.ttl === 0 ? 0 : -1;
    if (bytes[at] !== COMMA || !starts(bytes, at + 1, TTL)) return -1;
    const start = at + 1 + TTL.length;
    const stop = this.#ascii(start);
    if (stop === -1 || bytes[stop + 1] !== CLOSE || stop + 2 !== end) return -1;
    const text = bytes.toString("latin1", start, stop);
    let ttl = this.#ttls.get(text);
    if (ttl === undefined && this.#ttls.size < 1000) {
      ttl = parseDuration(text);
      this.#ttls.set(text, ttl);
    }
    return ttl === undefined || ttl > pattern.ttl ? -1 : ttl;
  }

  #patternOf(key: number, keyEnd: number): Pattern | undefined {
    for (const { start, pattern } of this.#patterns ?? []) if (keyEnd - key > start.length && starts(this.#in, key, start)) return pattern;
    return undefined;
  }

  /** @returns where the text ends that begins here, or -1 where its bytes are not what it says. */
  #text(from: number): number {
    const bytes = this.#in;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH || byte < BLANK) return -1;
    }
    return -1;
  }

  /** The same for a text whose characters are bytes. */
  #ascii(from: number): number {
    const bytes = this.#in;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH || byte < BLANK || byte > 126) return -1;
    }
    return -1;
  }

  /** A number that there is one way to write, so that its text may go to the store. */
  #numeral(from: number, fraction: boolean): number {
    const bytes = this.#in;
    let at = from;
    if (bytes[at] === MINUS) at++;
    const first = at;
    while (isDigit(bytes[at])) at++;
    const digits = at - first;
    if (digits === 0 || digits > 15 || (bytes[first] === ZERO && (digits > 1 || first > from))) return -1;
    if (fraction && bytes[at] === DOT) {
      const dot = at++;
      while (isDigit(bytes[at])) at++;
      if (at === dot + 1 || at - first > 16 || bytes[at - 1] === ZERO) return -1;
    }
    return bytes[at] === COMMA || bytes[at] === CLOSE ? at : -1;
  }

  #note(nth: number): void {
    if (2 * nth + 2 > this.#hashes.length) {
      const larger = new Int32Array(this.#hashes.length * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[2 * nth] = this.#declared.high;
    this.#hashes[2 * nth + 1] = this.#declared.low;
  }

  #noted(keys: number): Buffer {
    return Buffer.from(this.#hashes.slice(0, 2 * keys).buffer);
  }

  #answered(answer: string): void {
    if (this.#answers !== undefined) this.#answers += answer;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#out.length * 2, this.#at + bytes));
    this.#out.copy(larger, 0, 0, this.#at);
    this.#out = larger;
  }

  #copyAll(part: Buffer): void {
    this.#room(part.length);
    if (part.length > 64) part.copy(this.#out, this.#at);
    else for (let at = 0; at < part.length; at++) this.#out[this.#at + at] = part[at] as number;
    this.#at += part.length;
  }

  #bulk(from: number, end: number): void {
    const length = end - from;
    this.#room(length + 24);
    const out = this.#out;
    out[this.#at++] = DOLLAR;
    this.#decimal(length);
    let at = this.#feed();
    if (length > 64) this.#in.copy(out, at, from, end);
    else for (let index = 0; index < length; index++) out[at + index] = this.#in[from + index] as number;
    at += length;
    this.#at = at;
    this.#feed();
  }

  #count(parts: number): void {
    this.#out[this.#at++] = 42;
    this.#decimal(parts);
    this.#feed();
  }

  /** A number as an argument. */
  #number(value: number): void {
    this.#copyAll(Buffer.from(`$${String(value).length}\r\n${value}\r\n`));
  }

  #decimal(value: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    let rest = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      this.#out[at] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#at += digits;
  }

  #feed(): number {
    this.#out[this.#at] = CR;
    this.#out[this.#at + 1] = LF;
    this.#at += 2;
    return this.#at;
  }
}

/** Patterns that are a beginning and one hole, so that a key is known by its first bytes; undefined where some are of another form. */
function plainPatterns({ patterns, prefix }: Keyspace): { start: Buffer; pattern: Pattern }[] | undefined {
  const plain = patterns.map((pattern) => ({ start: Buffer.from(pattern.text.replace(/<[^>]*>$/, "")), pattern }));
  // The first that fits decides, so one that cannot be judged here makes all of them undecidable.
  const each = plain.every(
    ({ start, pattern }) => start.length < Buffer.byteLength(pattern.text) && !start.includes("<") && start.toString().startsWith(prefix),
  );
  return each ? plain : undefined;
}

function starts(bytes: Buffer, at: number, start: Buffer): boolean {
  for (let index = 0; index < start.length; index++) if (bytes[at + index] !== start[index]) return false;
  return true;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= NINE;
