/**
 * A strict parser of RFC 8259 for streams of records. JSON.parse changes numbers and drops duplicate keys silently, and its reviver, which can see the
 * text of numbers, takes longer than everything else of an import. `npm run bench -- --only data-import` compares them.
 *
 * What is not JSON is an error of the file. What is JSON and no value of a database (U+0000, half a surrogate pair, a duplicate key) is a flaw of the
 * record, which is reported with its path.
 */
import { JsonArray, JsonNumber, JsonObject, type JsonValue } from "./value.ts";

/** Postgres parses jsonb recursively, and so does this parser. */
export const MAX_DEPTH = 512;
/** A longer number is no measurement, and numeric refuses it only after rows were sent. */
const MAX_NUMBER_LENGTH = 1000;
const MAX_EXPONENT = 1000;
/** Of one record. They are in memory, and each is reported. */
const MAX_FLAWS = 10_000;

export class JsonSyntaxError extends Error {
  /** In UTF-16 units of the parser's text. */
  readonly position: number;
  constructor(problem: string, position: number) {
    super(problem);
    this.position = position;
  }
}

/** Thrown where the text ends within a value and more text may follow. */
export const INCOMPLETE: unique symbol = Symbol("incomplete");

/** A value that is JSON and that a database cannot store. */
export interface Flaw {
  /** members[2].name */
  readonly path: string;
  readonly problem: string;
  /** A mapping may declare that U+0000 is removed. */
  readonly isNul: boolean;
}

const NONE: readonly Flaw[] = [];
const NO_KEYS: readonly string[] = [];
const IS_ESCAPED = /["\\]/;

export class JsonParser {
  text = "";
  position = 0;
  /** No more text follows. */
  isLast = false;
  /** Of the record that was parsed last. */
  flaws: readonly Flaw[] = NONE;
  /** By depth, the keys of the last object. Records mostly have the same ones, which then need no new string and no search for duplicates. */
  readonly #shapes: (readonly string[])[] = [];
  readonly #path: (string | number)[] = [];

  /** Skips white space. @returns the code of the next character, -1 at the end of the text */
  peek(): number {
    const { text } = this;
    for (let at = this.position; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) {
        this.position = at;
        return code;
      }
    }
    this.position = text.length;
    return -1;
  }

  /** @throws INCOMPLETE; then the record starts again once the text is longer */
  parseRecord(): JsonValue {
    this.flaws = NONE;
    this.#path.length = 0;
    return this.#value(0);
  }

  #value(depth: number): JsonValue {
    const code = this.peek();
    switch (code) {
      case 0x22:
        return this.#string();
      case 0x7b:
        return this.#object(depth + 1);
      case 0x5b:
        return this.#array(depth + 1);
      case 0x74:
        return this.#word("true", true);
      case 0x66:
        return this.#word("false", false);
      case 0x6e:
        return this.#word("null", null);
      case -1:
        throw this.#end();
      default:
        if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return this.#number();
        throw this.#unexpected("a value");
    }
  }

  #object(depth: number): JsonObject {
    if (depth > MAX_DEPTH) throw new JsonSyntaxError(`it is nested more than ${MAX_DEPTH} levels deep`, this.position);
    const start = this.position++;
    const keys: string[] = [];
    const values: JsonValue[] = [];
    if (this.peek() === 0x7d) {
      this.position++;
      return new JsonObject(keys, values, "{}");
    }
    const shape = this.#shapes[depth] ?? NO_KEYS;
    let isShape = true;
    let seen: Set<string> | undefined;
    for (;;) {
      const next = this.peek();
      if (next === -1) throw this.#end();
      if (next !== 0x22) throw this.#unexpected('a key in "quotes"');
      const expected = isShape ? shape[keys.length] : undefined;
      let key: string;
      if (expected !== undefined && this.#isKey(expected)) {
        key = expected;
        this.position += key.length + 2;
      } else {
        isShape = false;
        key = this.#string();
        seen ??= new Set(keys);
        if (seen.has(key)) this.#flaw(`the key ${JSON.stringify(key.slice(0, 60))} is there twice`);
        seen.add(key);
      }
      keys.push(key);
      if (this.peek() !== 0x3a) throw this.#endOr('":"');
      this.position++;
      this.#path.push(key);
      values.push(this.#value(depth));
      this.#path.pop();
      const after = this.peek();
      if (after === 0x2c) this.position++;
      else if (after === 0x7d) break;
      else throw this.#endOr('"," or "}"');
    }
    this.position++;
    if (!isShape) this.#shapes[depth] = seen!.size === keys.length && !keys.some((key) => IS_ESCAPED.test(key)) ? keys : NO_KEYS;
    return new JsonObject(keys, values, depth === 1 ? "" : this.text.slice(start, this.position));
  }

  /** @param key It has no character that is written as an escape. */
  #isKey(key: string): boolean {
    const { text, position } = this;
    return text.charCodeAt(position + key.length + 1) === 0x22 && text.startsWith(key, position + 1);
  }

  #array(depth: number): JsonArray {
    if (depth > MAX_DEPTH) throw new JsonSyntaxError(`it is nested more than ${MAX_DEPTH} levels deep`, this.position);
    const start = this.position++;
    const items: JsonValue[] = [];
    if (this.peek() === 0x5d) {
      this.position++;
      return new JsonArray(items, "[]");
    }
    for (;;) {
      this.#path.push(items.length);
      items.push(this.#value(depth));
      this.#path.pop();
      const after = this.peek();
      if (after === 0x2c) this.position++;
      else if (after === 0x5d) break;
      else throw this.#endOr('"," or "]"');
    }
    this.position++;
    return new JsonArray(items, this.text.slice(start, this.position));
  }

  #string(): string {
    const { text } = this;
    const start = this.position + 1;
    for (let at = start; at < text.length; at++) {
      if (at === start + LONG) at = skipPlain(text, at);
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.position = at + 1;
        return text.slice(start, at);
      }
      if (code === 0x5c) return this.#escaped(start, at);
      if (code < 0x20) throw new JsonSyntaxError("a string contains a control character; JSON writes it as an escape", at);
    }
    throw this.#end();
  }

  #escaped(start: number, first: number): string {
    const { text } = this;
    let value = "";
    let from = start;
    for (let at = first; at < text.length; at++) {
      if (at === from + LONG) at = skipPlain(text, at);
      const code = text.charCodeAt(at);
      if (code === 0x22) {
        this.position = at + 1;
        value += text.slice(from, at);
        if (value.includes("\0")) this.#flaw("it contains U+0000, which Postgres cannot store", true);
        if (LONE_SURROGATE.test(value)) this.#flaw("it contains half of a surrogate pair, which is no character");
        return value;
      }
      if (code < 0x20) throw new JsonSyntaxError("a string contains a control character; JSON writes it as an escape", at);
      if (code !== 0x5c) continue;
      value += text.slice(from, at);
      const letter = text[++at];
      if (letter === undefined) throw this.#end();
      if (letter === "u") {
        const digits = text.slice(at + 1, at + 5);
        if (!/^[0-9a-fA-F]*$/.test(digits)) throw new JsonSyntaxError("\\u needs four hexadecimal digits", at - 1);
        if (digits.length < 4) throw this.#end();
        value += String.fromCharCode(Number.parseInt(digits, 16));
        at += 4;
      } else {
        const plain = ESCAPES[letter];
        if (plain === undefined) throw new JsonSyntaxError("the escape is none of JSON", at - 1);
        value += plain;
      }
      from = at + 1;
    }
    throw this.#end();
  }

  #number(): JsonNumber {
    const { text, position: start } = this;
    let at = start;
    if (text.charCodeAt(at) === 0x2d) at++;
    const first = at;
    at = skipDigits(text, at);
    if (at === first) throw this.#endAt(at, "a digit");
    if (text.charCodeAt(first) === 0x30 && at > first + 1) throw new JsonSyntaxError("a number begins with 0", start);
    if (text.charCodeAt(at) === 0x2e) {
      const fraction = skipDigits(text, at + 1);
      if (fraction === at + 1) throw this.#endAt(fraction, "a digit");
      at = fraction;
    }
    let exponent = 0;
    if ((text.charCodeAt(at) | 0x20) === 0x65) {
      let digits = at + 1;
      const sign = text.charCodeAt(digits);
      if (sign === 0x2b || sign === 0x2d) digits++;
      const end = skipDigits(text, digits);
      if (end === digits) throw this.#endAt(end, "a digit");
      exponent = Number(text.slice(digits, end));
      at = end;
    }
    if (at === text.length && !this.isLast) throw INCOMPLETE;
    this.position = at;
    const number = text.slice(start, at);
    if (number.length > MAX_NUMBER_LENGTH || exponent > MAX_EXPONENT)
      this.#flaw(`the number has more than ${MAX_NUMBER_LENGTH} digits or an exponent above ${MAX_EXPONENT}`);
    return new JsonNumber(number);
  }

  #word<T extends JsonValue>(word: string, value: T): T {
    const { text, position } = this;
    if (text.startsWith(word, position)) {
      this.position += word.length;
      return value;
    }
    if (!this.isLast && word.startsWith(text.slice(position))) throw INCOMPLETE;
    throw this.#unexpected("a value");
  }

  #flaw(problem: string, isNul = false): void {
    let path = "";
    for (const part of this.#path)
      path += typeof part === "number" ? `[${part}]` : /^\w+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`;
    if (this.flaws.length === MAX_FLAWS)
      throw new JsonSyntaxError(`a record has more than ${MAX_FLAWS} values that a database cannot store`, this.position);
    if (this.flaws === NONE) this.flaws = [];
    (this.flaws as Flaw[]).push({ path: path.replace(/^\./, ""), problem, isNul });
  }

  #end(): unknown {
    return this.isLast ? new JsonSyntaxError("it ends within a value", this.text.length) : INCOMPLETE;
  }

  #endAt(at: number, wanted: string): unknown {
    this.position = at;
    return this.#endOr(wanted);
  }

  #endOr(wanted: string): unknown {
    return this.position >= this.text.length ? this.#end() : this.#unexpected(wanted);
  }

  #unexpected(wanted: string): JsonSyntaxError {
    // The character only: what is around it may be a secret.
    const found = String.fromCodePoint(this.text.codePointAt(this.position)!);
    return new JsonSyntaxError(`${JSON.stringify(found)} is not ${wanted}`, this.position);
  }
}

/** With the flag u, a pair is one character and no surrogate. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const ESCAPES: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null), {
  ...{ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" },
});

/** Up to here, a loop is faster than a regular expression. */
const LONG = 16;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in a string
const PLAIN = /[^"\\\0-\x1f]*/y;

function skipPlain(text: string, start: number): number {
  PLAIN.lastIndex = start;
  PLAIN.test(text);
  return PLAIN.lastIndex;
}

function skipDigits(text: string, start: number): number {
  let at = start;
  for (let code = text.charCodeAt(at); code >= 0x30 && code <= 0x39; code = text.charCodeAt(++at));
  return at;
}
