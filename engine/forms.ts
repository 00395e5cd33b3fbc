/** Finds secrets in texts, however they are written there, and parts of them. */
import { type Form, type Reading, readings, type Stretch } from "./readings.ts";

export interface Hit {
  /** As it was given. */
  readonly secret: string;
  /** How it stands there: "as it is", "base64", "base64 of escaped"; the outermost first. */
  readonly form: string;
  /** In the text, from `start` up to and without `end`. */
  readonly start: number;
  readonly end: number;
  /** false where only a part of the secret stands there: a line of it, the password of a URL, or a long stretch. */
  readonly whole: boolean;
}

/** Shorter ones are not looked for: they are in too many innocent words. Pulumi's engine draws the same line. */
export const SHORTEST = 3;
/** Shorter ones are looked for as whole words, and as they are. */
export const SHORT = 6;
/** A part counts from this many characters that are at least half of the secret, */
const PART = 12;
/** or, of a very long one, from this many. */
const LONG_PART = 64;

/** Where any of the secrets stands in the text, in the order of their places; one secret may lie within another. */
export function findForms(text: string, secrets: readonly string[]): readonly Hit[] {
  return finder(secrets)(text);
}

/** The same for many texts: what it takes to look for these secrets is prepared once. */
export function finder(secrets: readonly string[]): (text: string) => readonly Hit[] {
  const needles = [...new Set(secrets)].flatMap(needlesOf);
  const words = needles.filter(({ text }) => text.length < SHORT);
  const long = needles.filter(({ text }) => text.length >= SHORT);
  if (needles.length === 0) return () => [];
  const index = new Index(long);
  return (text) => {
    const found = new Map<string, Hit>();
    for (const reading of readings(text)) {
      for (const match of [...index.matches(reading), ...wordMatches(words, reading)]) {
        const [start, end] = reading.origin(match.start, match.end);
        const { secret, form, text } = match.needle;
        const whole = match.needle.whole && match.end - match.start >= text.length;
        const forms = [...reading.undone, ...(form === "base64" ? [form] : [])];
        const hit: Hit = { secret, form: forms.length === 0 ? "as it is" : forms.join(" of "), start, end, whole };
        const key = `${start} ${end} ${secret}`;
        // The plainest reading comes first.
        if (!found.has(key) || (whole && !found.get(key)?.whole)) found.set(key, hit);
      }
    }
    return withoutInner([...found.values()]);
  };
}

/** Every stretch where a secret stands gives way to `mark`. */
export function replaceForms(text: string, hits: readonly Hit[], mark: string): string {
  if (hits.length === 0) return text;
  const pieces: string[] = [];
  let rest = 0;
  for (const [start, end] of joined(hits)) {
    pieces.push(text.slice(rest, start), mark);
    rest = end;
  }
  return pieces.join("") + text.slice(rest);
}

/** What is looked for on account of a secret. */
interface Needle {
  readonly secret: string;
  readonly text: string;
  readonly form?: Form;
  /** false for what is only a part of the secret. */
  readonly whole: boolean;
  /** How many of its characters in a row count. */
  readonly least: number;
}

function needlesOf(secret: string): readonly Needle[] {
  const trimmed = secret.trim();
  const lines = trimmed.split(/\s*\n\s*/).filter((line) => line.length >= PART && !/^-----.*-----$/.test(line));
  const bare = trimmed.replace(/\s+/g, "");
  const letters = trimmed.replace(/[^A-Za-z0-9]+/g, "");
  return [
    { text: trimmed, whole: true },
    ...(bare === trimmed || bare.length < PART ? [] : [{ text: bare, whole: true, form: "wrapped" as const }]),
    ...(lines.length > 1 || trimmed.includes("\n") ? lines.map((text) => ({ text, whole: false })) : []),
    ...passwordsIn(trimmed).map((text) => ({ text, whole: false })),
  ]
    .filter(({ text }) => text.length >= SHORTEST && !WORDS.has(text))
    .flatMap(({ text, whole, form }): readonly Needle[] => [
      { secret, text, whole, least: leastOf(text.length, 1), ...(form && { form }) },
      ...(text.length < SHORT ? [] : base64Cores(text)).map(
        (core): Needle => ({ secret, text: core, whole, least: leastOf(core.length, 4 / 3), form: "base64" }),
      ),
    ])
    .concat(letters.length < PART ? [] : { secret, text: letters, whole: true, least: letters.length, form: "cut up" });
}

/** Of a URL's public half nobody can say that it leaked. */
const LOGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]*?:([^\s/?#]+)@/i;
const WORDS: ReadonlySet<string> = new Set(["true", "false", "null", "undefined", "none"]);

function passwordsIn(text: string): readonly string[] {
  const password = LOGIN.exec(text)?.[1];
  return password === undefined ? [] : [...new Set([password, percentDecoded(password)])];
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function leastOf(length: number, widened: number): number {
  return Math.min(length, Math.max(Math.ceil(PART * widened), Math.min(Math.ceil(length / 2), Math.ceil(LONG_PART * widened))));
}

/** What stays the same of its base64, whatever stands before and behind it: one for each way to fall into groups of three. */
function base64Cores(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const standard = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  return [...new Set(standard.flatMap((core) => [core, core.replaceAll("+", "-").replaceAll("/", "_")]))];
}

interface Match {
  readonly needle: Needle;
  readonly start: number;
  readonly end: number;
}

/** So many characters are looked up at once. */
const GRAM = SHORT;
/** Of each needle every so manieth place is known: any part that counts holds one of them. */
const STRIDE = PART - GRAM + 1;
const FACTOR = 0x01000193;
const DROP = power(FACTOR, GRAM - 1);

/** Every place of a text is looked up among a few places of the needles, and where they agree, both are followed in both directions. */
class Index {
  readonly #needles: readonly { readonly needle: Needle; readonly folded: string }[];
  readonly #heads: Int32Array;
  readonly #next: number[] = [];
  readonly #needle: number[] = [];
  readonly #offset: number[] = [];
  readonly #mask: number;

  constructor(needles: readonly Needle[]) {
    this.#needles = needles.map((needle) => ({ needle, folded: fold(needle.text) }));
    const places = this.#needles.reduce((sum, { folded }) => sum + Math.ceil((folded.length - GRAM + 1) / STRIDE), 0);
    const size = 2 ** Math.max(10, Math.ceil(Math.log2(places * 4 + 1)));
    this.#heads = new Int32Array(size).fill(-1);
    this.#mask = size - 1;
    for (const [number, { folded }] of this.#needles.entries()) {
      for (let offset = 0; offset + GRAM <= folded.length; offset += STRIDE) this.#add(number, offset, hashAt(folded, offset));
    }
  }

  matches({ text, undone }: Reading): readonly Match[] {
    const found: Match[] = [];
    const folded = fold(text);
    if (folded.length < GRAM) return found;
    let hash = hashAt(folded, 0);
    for (let at = 0; ; at++) {
      for (let entry = this.#heads[slot(hash) & this.#mask] ?? -1; entry >= 0; entry = this.#next[entry] ?? -1) {
        const match = this.#matchAt(text, folded, at, this.#needle[entry] ?? 0, this.#offset[entry] ?? 0, undone[0]);
        const last = found.at(-1);
        if (match && !(last?.needle === match.needle && last.start === match.start)) found.push(match);
      }
      const next = at + GRAM;
      if (next >= folded.length) return found;
      hash = (Math.imul(hash - Math.imul(folded.charCodeAt(at), DROP), FACTOR) + folded.charCodeAt(next)) | 0;
    }
  }

  #add(needle: number, offset: number, hash: number): void {
    const place = slot(hash) & this.#mask;
    this.#next.push(this.#heads[place] ?? -1);
    this.#heads[place] = this.#needle.length;
    this.#needle.push(needle);
    this.#offset.push(offset);
  }

  #matchAt(text: string, folded: string, at: number, number: number, offset: number, outermost?: Form): Match | undefined {
    const { needle, folded: sought } = this.#needles[number] as { needle: Needle; folded: string };
    // What was joined counts only where the text was joined in the same way.
    if (needle.form === "wrapped" && outermost !== "wrapped") return undefined;
    if ((needle.form === "cut up") !== (outermost === "cut up")) return undefined;
    let [start, from] = [at, offset];
    while (start > 0 && from > 0 && folded.charCodeAt(start - 1) === sought.charCodeAt(from - 1)) {
      start--;
      from--;
    }
    let [end, to] = [at, offset];
    while (end < folded.length && to < sought.length && folded.charCodeAt(end) === sought.charCodeAt(to)) {
      end++;
      to++;
    }
    const length = end - start;
    if (length < (outermost === "wrapped" ? Math.max(PART, needle.least) : needle.least)) return undefined;
    // Another case makes another word of a short one.
    if (length < PART && text.slice(start, end) !== needle.text.slice(from, to)) return undefined;
    if (needle.form !== "base64") return { needle, start, end };
    const before = start > 0 && BASE64.test(text[start - 1] ?? "") ? 1 : 0;
    return { needle, start: start - before, end: end + (TAIL.exec(text.slice(end, end + 4))?.[0].length ?? 0) };
  }
}

/** The characters at both ends of a core hold a few bits of the secret, too. */
const BASE64 = /[\w+/-]/;
const TAIL = /^[\w+/-]?={0,2}/;

function hashAt(text: string, offset: number): number {
  let hash = 0;
  for (let index = offset; index < offset + GRAM; index++) hash = (Math.imul(hash, FACTOR) + text.charCodeAt(index)) | 0;
  return hash;
}

/** The low bits of a hash know little of the first characters. */
function slot(hash: number): number {
  return hash ^ (hash >>> 15);
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let step = 0; step < exponent; step++) result = Math.imul(result, base);
  return result;
}

/** Names are often made of a text by making its letters small. */
function fold(text: string): string {
  const small = text.toLowerCase();
  return small.length === text.length ? small : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function wordMatches(words: readonly Needle[], { text, undone }: Reading): readonly Match[] {
  if (undone.length > 1 || undone[0] === "wrapped" || undone[0] === "cut up") return [];
  return words.flatMap((needle) => {
    const found: Match[] = [];
    for (let start = text.indexOf(needle.text); start >= 0; start = text.indexOf(needle.text, start + 1)) {
      const end = start + needle.text.length;
      if (!LETTER.test(text[start - 1] ?? "") && !LETTER.test(text[end] ?? "")) found.push({ needle, start, end });
    }
    return found;
  });
}

const LETTER = /[\p{L}\p{N}]/u;

/** Of what was found of one secret in one place, the longest. */
function withoutInner(hits: readonly Hit[]): readonly Hit[] {
  const inOrder = [...hits].sort((a, b) => a.start - b.start || b.end - a.end);
  const reached = new Map<string, number>();
  return inOrder.filter(({ secret, end }) => {
    const inner = end <= (reached.get(secret) ?? -1);
    if (!inner) reached.set(secret, end);
    return !inner;
  });
}

function joined(hits: readonly Hit[]): readonly Stretch[] {
  const stretches: [number, number][] = [];
  for (const { start, end } of hits) {
    const last = stretches.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else stretches.push([start, end]);
  }
  return stretches;
}
