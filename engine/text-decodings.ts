/**
 * Decodings of a text. A secret in it can be percent-encoded, escaped, wrapped, in base64 or hex, or in several of these at once. Each decoding
 * knows which characters of the original text its own come from.
 */
import { gunzipSync, inflateSync } from "node:zlib";

export interface Decoding {
  readonly text: string;
  /** The encodings that were decoded, outermost first; empty for the original text. */
  readonly encodings: readonly Encoding[];
  /** The range of the original text that a range of this one comes from. */
  originalRange(start: number, end: number): TextRange;
}

export type Encoding = "escaped" | "percent-encoded" | "form-encoded" | "HTML" | "wrapped" | "cut up" | "base64" | "hex" | "bytes";
export type TextRange = readonly [start: number, end: number];

/** base64 of JSON in a URL has three levels. */
const MAX_DEPTH = 3;
/** Limits the work for a text that is made to have ever more decodings. */
const MAX_DECODINGS = 60;

export function decodings(text: string): readonly Decoding[] {
  const all: Decoding[] = [{ text, encodings: [], originalRange: (start, end) => [start, end] }];
  const texts = new Set([text]);
  for (const from of all) {
    if (from.encodings.length === MAX_DEPTH) continue;
    for (const [encoding, decode] of DECODERS) {
      // Joining applies only to the original text: after another decoding it would join texts that were never adjacent.
      if (JOINING.has(encoding) ? from.encodings.length > 0 : from.encodings[0] === "cut up") continue;
      const decoded = decode(from.text);
      if (!decoded || texts.has(decoded.text) || all.length >= MAX_DECODINGS) continue;
      texts.add(decoded.text);
      all.push({
        text: decoded.text,
        encodings: [...from.encodings, encoding],
        originalRange: (start, end) => from.originalRange(...decoded.originalRange(start, end)),
      });
    }
  }
  return all;
}

type Decoded = Pick<Decoding, "text" | "originalRange">;

const DECODERS: readonly (readonly [Encoding, (text: string) => Decoded | undefined])[] = [
  ["escaped", (text) => (text.includes("\\") ? replaced(text, ESCAPE, unescaped) : undefined)],
  ["percent-encoded", (text) => (text.includes("%") ? replaced(text, PERCENT, percentDecoded) : undefined)],
  ["form-encoded", (text) => (text.includes("+") ? replaced(text, FORM, (it) => (it === "+" ? " " : percentDecoded(it))) : undefined)],
  ["HTML", (text) => (text.includes("&") ? replaced(text, ENTITY, entityDecoded) : undefined)],
  ["wrapped", (text) => (text.includes("\n") || text.includes(" ") ? replaced(text, /\s+/g, () => "") : undefined)],
  ["cut up", (text) => replaced(text, /[^A-Za-z0-9\0]+/g, () => "")],
  ["base64", (text) => extracted(text, BASE64, fromBase64)],
  ["hex", (text) => extracted(text, HEX, (it) => fromHex(it.replace(/[^0-9a-f]/gi, "")))],
  ["bytes", (text) => extracted(text, DECIMALS, (it) => Buffer.from(it.split(",").map(Number)))],
];

/** What precedes compressed bytes may be letters too, as in a path. */
function fromBase64(text: string): Buffer {
  const compressed = text.indexOf(GZIP_IN_BASE64);
  return inflated(Buffer.from(compressed < 0 ? text : text.slice(compressed), "base64"));
}

const GZIP_IN_BASE64 = "H4sI";

/** With an odd number of digits, the first or the last one belongs to a word next to it. */
function fromHex(digits: string): Buffer {
  if (digits.length % 2 === 0) return Buffer.from(digits, "hex");
  return Buffer.concat([Buffer.from(digits.slice(0, -1), "hex"), Buffer.from(digits.slice(1), "hex")]);
}

/** Compressed text is text. A small input can expand to a large one, so the result is limited. */
function inflated(bytes: Buffer): Buffer {
  try {
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes, INFLATION);
    if (bytes[0] === 0x78 && bytes.readUInt16BE() % 31 === 0) return inflateSync(bytes, INFLATION);
  } catch {
    // It only begins like compressed bytes.
  }
  return bytes;
}

const INFLATION = { maxOutputLength: 2 ** 20 };

const JOINING: ReadonlySet<Encoding> = new Set(["wrapped", "cut up"]);

const ESCAPE = /\\(?:u\{([0-9a-f]{1,6})\}|u([0-9a-f]{4})|x([0-9a-f]{2})|\r?\n|(.))/gis;
const PERCENT = /(?:%[0-9a-f]{2})+/gi;
const FORM = /\+|(?:%[0-9a-f]{2})+/gi;
const ENTITY = /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi;
/** Shorter matches are words; inside longer texts they are found without decoding. */
const BASE64 = /[A-Za-z0-9+/_-]{16,}={0,2}/g;
const HEX = /[0-9a-f]{2}(?:[ :]?[0-9a-f]{2}){5,}[0-9a-f]?/gi;
const DECIMALS = /\d{1,3}(?:,\s*\d{1,3}){5,}/g;

const LETTERS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", 0: "\0" };
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescaped(_: string, braced?: string, wide?: string, narrow?: string, letter?: string): string {
  const code = braced ?? wide ?? narrow;
  if (code !== undefined) return character(Number.parseInt(code, 16));
  return letter === undefined ? "" : (LETTERS[letter] ?? letter);
}

function percentDecoded(text: string): string {
  return Buffer.from(text.replaceAll("%", ""), "hex").toString();
}

function entityDecoded(_: string, hex?: string, decimal?: string, name = ""): string {
  if (hex !== undefined) return character(Number.parseInt(hex, 16));
  return decimal === undefined ? (ENTITIES[name.toLowerCase()] ?? "") : character(Number(decimal));
}

function character(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : "";
}

/** The whole text with each match decoded. */
function replaced(text: string, pattern: RegExp, decode: (...match: string[]) => string): Decoded | undefined {
  const pieces: string[] = [];
  const map = new SourceMap();
  let length = 0;
  let rest = 0;
  for (const match of text.matchAll(pattern)) {
    const literal = text.slice(rest, match.index);
    const replacement = decode(...match);
    map.add(length, rest, literal.length, true);
    map.add(length + literal.length, match.index, match[0].length, false);
    pieces.push(literal, replacement);
    length += literal.length + replacement.length;
    rest = match.index + match[0].length;
  }
  if (rest === 0) return undefined;
  map.add(length, rest, text.length - rest, true);
  return { text: pieces.join("") + text.slice(rest), originalRange: (start, end) => map.originalRange(start, end) };
}

/** Only the decoded matches that are readable text. */
function extracted(text: string, pattern: RegExp, decode: (match: string) => Buffer): Decoded | undefined {
  const pieces: string[] = [];
  const map = new SourceMap();
  let length = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    const decoded = decode(match).toString();
    if (!READABLE.test(decoded)) continue;
    map.add(length, index, match.length, false);
    pieces.push(decoded);
    length += decoded.length + 1;
  }
  return length === 0 ? undefined : { text: pieces.join("\0"), originalRange: (start, end) => map.originalRange(start, end) };
}

const READABLE = /[\x20-\x7e\s]{6}/;

/** Maps parts of a decoded text to the original: literal parts character by character, decoded parts as a whole. */
class SourceMap {
  readonly #at: number[] = [];
  readonly #from: number[] = [];
  readonly #length: number[] = [];
  readonly #literal: boolean[] = [];

  add(at: number, from: number, length: number, literal: boolean): void {
    this.#at.push(at);
    this.#from.push(from);
    this.#length.push(length);
    this.#literal.push(literal);
  }

  originalRange(start: number, end: number): TextRange {
    return [this.#source(start)[0], this.#source(end - 1)[1]];
  }

  #source(position: number): TextRange {
    let [low, high] = [0, this.#at.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#at[middle] ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    const from = this.#from[low] ?? 0;
    const literal = from + position - (this.#at[low] ?? 0);
    return this.#literal[low] ? [literal, literal + 1] : [from, from + (this.#length[low] ?? 0)];
  }
}
