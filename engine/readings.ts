/**
 * The ways in which a text can be read. A secret may stand in it percent-encoded, escaped, wrapped, in base64 or hex, or in one of these
 * within another: each reading undoes them, and knows where in the text its characters come from.
 */
export interface Reading {
  readonly text: string;
  /** What was undone, the outermost first; empty for the text as it is. */
  readonly undone: readonly Form[];
  /** From where to where the stretch reaches in the text that was given. */
  origin(start: number, end: number): Stretch;
}

export type Form = "escaped" | "percent-encoded" | "form-encoded" | "HTML" | "wrapped" | "cut up" | "base64" | "hex" | "bytes";
export type Stretch = readonly [start: number, end: number];

/** base64 of JSON in a URL is three deep. */
const DEEPEST = 3;
/** A text made to be read in ever more ways must not keep the reader busy for ever. */
const MOST = 60;

export function readings(text: string): readonly Reading[] {
  const all: Reading[] = [{ text, undone: [], origin: (start, end) => [start, end] }];
  const texts = new Set([text]);
  for (const from of all) {
    if (from.undone.length === DEEPEST) continue;
    for (const [form, undo] of UNDO) {
      // What joins is done from outside only, and first: within, it would join what never stood together.
      if (JOINING.has(form) ? from.undone.length > 0 : from.undone[0] === "cut up") continue;
      const made = undo(from.text);
      if (!made || texts.has(made.text) || all.length >= MOST) continue;
      texts.add(made.text);
      all.push({
        text: made.text,
        undone: [...from.undone, form],
        origin: (start, end) => from.origin(...made.origin(start, end)),
      });
    }
  }
  return all;
}

type Undone = Pick<Reading, "text" | "origin">;

const UNDO: readonly (readonly [Form, (text: string) => Undone | undefined])[] = [
  ["escaped", (text) => (text.includes("\\") ? replaced(text, ESCAPE, unescaped) : undefined)],
  ["percent-encoded", (text) => (text.includes("%") ? replaced(text, PERCENT, percentDecoded) : undefined)],
  ["form-encoded", (text) => (text.includes("+") ? replaced(text, FORM, (it) => (it === "+" ? " " : percentDecoded(it))) : undefined)],
  ["HTML", (text) => (text.includes("&") ? replaced(text, ENTITY, entityDecoded) : undefined)],
  ["wrapped", (text) => (text.includes("\n") || text.includes(" ") ? replaced(text, /\s+/g, () => "") : undefined)],
  ["cut up", (text) => replaced(text, /[^A-Za-z0-9\0]+/g, () => "")],
  ["base64", (text) => picked(text, BASE64, (it) => Buffer.from(it, "base64"))],
  ["hex", (text) => picked(text, HEX, (it) => Buffer.from(it.replace(/[^0-9a-f]/gi, ""), "hex"))],
  ["bytes", (text) => picked(text, DECIMALS, (it) => Buffer.from(it.split(",").map(Number)))],
];

const JOINING: ReadonlySet<Form> = new Set(["wrapped", "cut up"]);

const ESCAPE = /\\(?:u\{([0-9a-f]{1,6})\}|u([0-9a-f]{4})|x([0-9a-f]{2})|\r?\n|(.))/gis;
const PERCENT = /(?:%[0-9a-f]{2})+/gi;
const FORM = /\+|(?:%[0-9a-f]{2})+/gi;
const ENTITY = /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi;
/** Shorter ones are words; those inside of longer ones are found without decoding. */
const BASE64 = /[A-Za-z0-9+/_-]{16,}={0,2}/g;
const HEX = /[0-9a-f]{2}(?:[ :]?[0-9a-f]{2}){5,}/gi;
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

/** The whole text with something else for each match. */
function replaced(text: string, pattern: RegExp, decode: (...match: string[]) => string): Undone | undefined {
  const pieces: string[] = [];
  const parts = new Parts();
  let length = 0;
  let rest = 0;
  for (const match of text.matchAll(pattern)) {
    const literal = text.slice(rest, match.index);
    const instead = decode(...match);
    parts.add(length, rest, literal.length, true);
    parts.add(length + literal.length, match.index, match[0].length, false);
    pieces.push(literal, instead);
    length += literal.length + instead.length;
    rest = match.index + match[0].length;
  }
  if (rest === 0) return undefined;
  parts.add(length, rest, text.length - rest, true);
  return { text: pieces.join("") + text.slice(rest), origin: (start, end) => parts.origin(start, end) };
}

/** Only what the matches mean, where that can be read at all; what stands between them is left out. */
function picked(text: string, pattern: RegExp, decode: (match: string) => Buffer): Undone | undefined {
  const pieces: string[] = [];
  const parts = new Parts();
  let length = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    const decoded = decode(match).toString();
    if (!READABLE.test(decoded)) continue;
    parts.add(length, index, match.length, false);
    pieces.push(decoded);
    length += decoded.length + 1;
  }
  return length === 0 ? undefined : { text: pieces.join("\0"), origin: (start, end) => parts.origin(start, end) };
}

const READABLE = /[\x20-\x7e\s]{6}/;

/** Which part of one text comes from which of the other: character by character, or as a whole. */
class Parts {
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

  origin(start: number, end: number): Stretch {
    return [this.#source(start)[0], this.#source(end - 1)[1]];
  }

  #source(position: number): Stretch {
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
