/**
 * Reads a line in its plainest form without parsing it: {"key":"…","string":"…"}, likewise hash and zset, with or without a ttl at its end.
 *
 * Text in JSON that has no escape is the very bytes that go to the store. What is not of this form, or breaks a rule, is not judged here: it
 * is read the long way, which knows what to say of it.
 */
import { parseDuration } from "./duration.ts";
import { INTERNAL_PREFIX } from "./internal-keys.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Pattern } from "./pattern.ts";

const [CR, QUOTE, BACKSLASH, SPACE, COMMA, COLON, MINUS, DOT, ZERO, NINE, CLOSE] = [13, 34, 92, 32, 44, 58, 45, 46, 48, 57, 125];

const LINE_START = Buffer.from('{"key":"');
const STRING = Buffer.from('"string":"');
const HASH = Buffer.from('"hash":{"');
const ZSET = Buffer.from('"zset":{"');
const TTL = Buffer.from('"ttl":"');

/** More fields than this go the long way, where they are sent in several commands. */
const MAX_PAIRS = 64;

export class LineScanner {
  key = 0;
  keyEnd = 0;
  /** Milliseconds; 0 for ever. */
  ttl = 0;
  /** A string has one, without a name. */
  pairs = 0;
  /** For each pair where its name begins and ends, and where its value does. */
  readonly marks = new Int32Array(4 * MAX_PAIRS);
  readonly #patterns: readonly PlainPattern[];
  readonly #ttls = new Map<string, number | undefined>();
  #bytes: Buffer = Buffer.alloc(0);

  constructor(keyspace: Keyspace) {
    this.#patterns = selectPlainPatterns(keyspace);
  }

  /** @returns what the line's key is by its pattern, or undefined where it goes the long way. */
  scan(bytes: Buffer, from: number, lineEnd: number): Pattern | undefined {
    this.#bytes = bytes;
    const end = bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (!startsWith(bytes, from, LINE_START)) return undefined;
    this.key = from + LINE_START.length;
    this.keyEnd = this.#ascii(this.key);
    if (this.keyEnd === -1 || bytes[this.keyEnd + 1] !== COMMA) return undefined;
    const pattern = this.#patternOf();
    const after = pattern === undefined ? -1 : this.#value(pattern, this.keyEnd + 2);
    return after !== -1 && this.#lives(after, end, pattern as Pattern) ? pattern : undefined;
  }

  #patternOf(): Pattern | undefined {
    for (const { start, pattern } of this.#patterns)
      if (this.keyEnd - this.key > start.length && startsWith(this.#bytes, this.key, start)) return pattern;
    return undefined;
  }

  /** @returns where the value ends, or -1. */
  #value({ type }: Pattern, form: number): number {
    if (type === "string" && startsWith(this.#bytes, form, STRING)) {
      const value = form + STRING.length;
      const end = this.#text(value);
      this.pairs = 1;
      this.marks[2] = value;
      this.marks[3] = end;
      return end === -1 ? -1 : end + 1;
    }
    if (type === "hash" && startsWith(this.#bytes, form, HASH)) return this.#pairs(form + HASH.length, false);
    if (type === "zset" && startsWith(this.#bytes, form, ZSET)) return this.#pairs(form + ZSET.length, true);
    return -1;
  }

  #pairs(first: number, scores: boolean): number {
    const bytes = this.#bytes;
    this.pairs = 0;
    for (let at = first; ; ) {
      const nameEnd = this.#text(at);
      if (nameEnd === -1 || bytes[nameEnd + 1] !== COLON || this.pairs === MAX_PAIRS || this.#known(at, nameEnd)) return -1;
      let value = nameEnd + 2;
      const quoted = bytes[value] === QUOTE && !scores;
      if (quoted) value++;
      const valueEnd = quoted ? this.#text(value) : this.#numeral(value, scores);
      if (valueEnd === -1) return -1;
      const mark = 4 * this.pairs++;
      this.marks[mark] = at;
      this.marks[mark + 1] = nameEnd;
      this.marks[mark + 2] = value;
      this.marks[mark + 3] = valueEnd;
      const next = quoted ? valueEnd + 1 : valueEnd;
      if (bytes[next] === CLOSE) return next + 1;
      if (bytes[next] !== COMMA || bytes[next + 1] !== QUOTE) return -1;
      at = next + 2;
    }
  }

  /** Whether a name stood in the line before. */
  #known(from: number, end: number): boolean {
    const { marks, pairs } = this;
    for (let mark = 0; mark < 4 * pairs; mark += 4) {
      const start = marks[mark] as number;
      if (
        (marks[mark + 1] as number) - start === end - from &&
        this.#bytes.compare(this.#bytes, from, end, start, start + end - from) === 0
      )
        return true;
    }
    return false;
  }

  /** What follows the value is the end, or a ttl that the pattern allows. */
  #lives(at: number, end: number, pattern: Pattern): boolean {
    const bytes = this.#bytes;
    this.ttl = 0;
    if (bytes[at] === CLOSE) return at + 1 === end && pattern.ttl === 0;
    const start = at + 1 + TTL.length;
    if (bytes[at] !== COMMA || !startsWith(bytes, at + 1, TTL)) return false;
    const stop = this.#ascii(start);
    if (stop === -1 || bytes[stop + 1] !== CLOSE || stop + 2 !== end) return false;
    const text = bytes.toString("latin1", start, stop);
    if (!this.#ttls.has(text) && this.#ttls.size < 1000) this.#ttls.set(text, parseDuration(text));
    const ttl = this.#ttls.get(text);
    if (ttl === undefined || ttl > pattern.ttl) return false;
    this.ttl = ttl;
    return true;
  }

  /** @returns where the text ends that begins here, or -1 where its bytes are not what it says. */
  #text(from: number): number {
    const bytes = this.#bytes;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH || byte < SPACE) return -1;
    }
    return -1;
  }

  /** The same for a text whose characters are bytes. */
  #ascii(from: number): number {
    const bytes = this.#bytes;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH || byte < SPACE || byte > 126) return -1;
    }
    return -1;
  }

  /** A number that there is one way to write, so that its text may go to the store. */
  #numeral(from: number, fraction: boolean): number {
    const bytes = this.#bytes;
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
}

interface PlainPattern {
  readonly start: Buffer;
  readonly pattern: Pattern;
}

/** Patterns that are a beginning and one hole, so that a key is known by its first bytes. Names in full are left to the long way. */
function selectPlainPatterns({ patterns, prefix, scripts }: Keyspace): readonly PlainPattern[] {
  const holed = patterns.filter(({ text }) => text.includes("<"));
  const plain = holed.map((pattern) => ({ start: Buffer.from(pattern.text.replace(/<[^>]*>$/, "")), pattern }));
  const inFull = patterns.filter((pattern) => !holed.includes(pattern)).map(({ text }) => text);
  // The first that fits decides, so one that cannot be judged by its first bytes makes all of them undecidable; so does a name in full, or
  // one that nobody may declare, where it would pass for what fills a hole.
  const judged = plain.every(
    ({ start, pattern }) => start.length < Buffer.byteLength(pattern.text) && !start.includes("<") && start.toString().startsWith(prefix),
  );
  const others = [...inFull, `${INTERNAL_PREFIX}x`, ...(scripts === undefined ? [] : [scripts.registry])];
  return judged && !others.some((name) => holed.some(({ matches }) => matches(name))) ? plain : [];
}

function startsWith(bytes: Buffer, at: number, start: Buffer): boolean {
  for (let index = 0; index < start.length; index++) if (bytes[at + index] !== start[index]) return false;
  return true;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= NINE;
