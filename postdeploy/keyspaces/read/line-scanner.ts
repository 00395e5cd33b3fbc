/**
 * Scans a line in its plain form without parsing JSON: {"key":"…","string":"…"}, also with hash or zset, and with an optional ttl at the end.
 *
 * A JSON string without escapes has the same bytes as the value in the store, so it can be copied. Every other line, valid or not, goes
 * through parseEntry, which also reports errors.
 */

import { INTERNAL_PREFIX } from "./internal-keys.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Pattern } from "./pattern.ts";
import { parseDuration } from "./pattern.ts";

const [CR, QUOTE, BACKSLASH, SPACE, COMMA, COLON, MINUS, DOT, ZERO, NINE, CLOSE] = [13, 34, 92, 32, 44, 58, 45, 46, 48, 57, 125];

const LINE_START = Buffer.from('{"key":"');
const STRING = Buffer.from('"string":"');
const HASH = Buffer.from('"hash":{"');
const ZSET = Buffer.from('"zset":{"');
const TTL = Buffer.from('"ttl":"');

/** A line with more fields goes through parseEntry, which splits them into several commands. */
const MAX_PAIRS = 64;

export class LineScanner {
  key = 0;
  keyEnd = 0;
  /** In milliseconds; 0 if the key does not expire. */
  ttl = 0;
  /** Number of name-value pairs; 1 for a string, whose name is empty. */
  pairs = 0;
  /** For each pair: start and end of the name, start and end of the value. */
  readonly marks = new Int32Array(4 * MAX_PAIRS);
  readonly #patterns: readonly PlainPattern[];
  readonly #ttls = new Map<string, number | undefined>();
  #bytes: Buffer = Buffer.alloc(0);

  constructor(keyspace: Keyspace) {
    this.#patterns = selectPlainPatterns(keyspace);
  }

  /** @returns the pattern of the key, or undefined if the line is not in plain form. */
  scan(bytes: Buffer, from: number, lineEnd: number): Pattern | undefined {
    this.#bytes = bytes;
    const end = bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (!startsWith(bytes, from, LINE_START)) return undefined;
    this.key = from + LINE_START.length;
    this.keyEnd = this.#readAscii(this.key);
    if (this.keyEnd === -1 || bytes[this.keyEnd + 1] !== COMMA) return undefined;
    const pattern = this.#findPattern();
    const after = pattern === undefined ? -1 : this.#readValue(pattern, this.keyEnd + 2);
    return after !== -1 && this.#readEnd(after, end, pattern as Pattern) ? pattern : undefined;
  }

  #findPattern(): Pattern | undefined {
    for (const { start, pattern } of this.#patterns)
      if (this.keyEnd - this.key > start.length && startsWith(this.#bytes, this.key, start)) return pattern;
    return undefined;
  }

  /** @returns the end of the value, or -1. */
  #readValue({ type }: Pattern, form: number): number {
    if (type === "string" && startsWith(this.#bytes, form, STRING)) {
      const value = form + STRING.length;
      const end = this.#readString(value);
      this.pairs = 1;
      this.marks[2] = value;
      this.marks[3] = end;
      return end === -1 ? -1 : end + 1;
    }
    if (type === "hash" && startsWith(this.#bytes, form, HASH)) return this.#readPairs(form + HASH.length, false);
    if (type === "zset" && startsWith(this.#bytes, form, ZSET)) return this.#readPairs(form + ZSET.length, true);
    return -1;
  }

  #readPairs(first: number, scores: boolean): number {
    const bytes = this.#bytes;
    this.pairs = 0;
    for (let at = first; ; ) {
      const nameEnd = this.#readString(at);
      if (nameEnd === -1 || bytes[nameEnd + 1] !== COLON || this.pairs === MAX_PAIRS || this.#isRepeated(at, nameEnd)) return -1;
      let value = nameEnd + 2;
      const quoted = bytes[value] === QUOTE && !scores;
      if (quoted) value++;
      const valueEnd = quoted ? this.#readString(value) : this.#readNumber(value, scores);
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

  /** Whether the name occurs earlier in the line. */
  #isRepeated(from: number, end: number): boolean {
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

  /** Whether the line ends after the value, or has a ttl that the pattern allows. */
  #readEnd(at: number, end: number, pattern: Pattern): boolean {
    const bytes = this.#bytes;
    this.ttl = 0;
    if (bytes[at] === CLOSE) return at + 1 === end && pattern.ttl === 0;
    const start = at + 1 + TTL.length;
    if (bytes[at] !== COMMA || !startsWith(bytes, at + 1, TTL)) return false;
    const stop = this.#readAscii(start);
    if (stop === -1 || bytes[stop + 1] !== CLOSE || stop + 2 !== end) return false;
    const text = bytes.toString("latin1", start, stop);
    if (!this.#ttls.has(text) && this.#ttls.size < 1000) this.#ttls.set(text, parseDuration(text));
    const ttl = this.#ttls.get(text);
    if (ttl === undefined || ttl > pattern.ttl) return false;
    this.ttl = ttl;
    return true;
  }

  /** @returns the end of a string without escapes, or -1. */
  #readString(from: number): number {
    const bytes = this.#bytes;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH || byte < SPACE) return -1;
    }
    return -1;
  }

  /** @returns the end of an ASCII string without escapes, or -1. */
  #readAscii(from: number): number {
    const bytes = this.#bytes;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH || byte < SPACE || byte > 126) return -1;
    }
    return -1;
  }

  /** @returns the end of a number in canonical form, which may be copied to the store, or -1. */
  #readNumber(from: number, fraction: boolean): number {
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

/** Patterns that consist of a prefix and one placeholder, so that the prefix of a key identifies its pattern. */
function selectPlainPatterns({ patterns, prefix, scripts }: Keyspace): readonly PlainPattern[] {
  const withPlaceholder = patterns.filter(({ text }) => text.includes("<"));
  const plain = withPlaceholder.map((pattern) => ({ start: Buffer.from(pattern.text.replace(/<[^>]*>$/, "")), pattern }));
  const literals = patterns.filter((pattern) => !withPlaceholder.includes(pattern)).map(({ text }) => text);
  // The first matching pattern decides. So none is plain if one of them is not a prefix with a placeholder, or if a placeholder also matches a
  // literal pattern, an internal key or the script registry.
  const allPlain = plain.every(
    ({ start, pattern }) => start.length < Buffer.byteLength(pattern.text) && !start.includes("<") && start.toString().startsWith(prefix),
  );
  const others = [...literals, `${INTERNAL_PREFIX}x`, ...(scripts === undefined ? [] : [scripts.registry])];
  return allPlain && !others.some((name) => withPlaceholder.some(({ matches }) => matches(name))) ? plain : [];
}

function startsWith(bytes: Buffer, at: number, start: Buffer): boolean {
  for (let index = 0; index < start.length; index++) if (bytes[at + index] !== start[index]) return false;
  return true;
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= NINE;
