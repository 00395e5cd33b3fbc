/** Finds secrets in texts: in any encoding, whole or in part. */
import { type Decoding, decodings, type Encoding, type TextRange } from "./text-decodings.ts";

export interface SecretMatch {
  /** The secret as given. */
  readonly secret: string;
  /** Its encoding in the text: "as it is", "base64", "base64 of escaped"; outermost first. */
  readonly form: string;
  /** Its range in the text; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  /** false for a part of the secret: a line, the password of a URL, or a long substring. */
  readonly whole: boolean;
}

/** Shorter secrets are not searched for: too many words contain them. Pulumi's engine has the same limit. */
export const MIN_LENGTH = 3;
/** Shorter secrets are searched for only as whole words, without encodings. */
export const MIN_SUBSTRING_LENGTH = 6;
/** A part counts when it has this many characters and is at least half of the secret, */
const MIN_PART_LENGTH = 12;
/** or, for a very long secret, when it has this many. */
const LONG_PART_LENGTH = 64;

/** Every occurrence of the secrets in the text, sorted by position; one match can lie inside another. */
export function findSecrets(text: string, secrets: readonly string[]): readonly SecretMatch[] {
  return secretFinder(secrets)(text);
}

/** The same for many texts: prepares the search once. */
export function secretFinder(secrets: readonly string[]): (text: string) => readonly SecretMatch[] {
  const needles = [...new Set(secrets)].flatMap(needlesOf);
  const words = needles.filter(({ text }) => text.length < MIN_SUBSTRING_LENGTH);
  const long = needles.filter(({ text }) => text.length >= MIN_SUBSTRING_LENGTH);
  if (needles.length === 0) return () => [];
  const index = new NeedleIndex(long);
  return (text) => {
    const found = new Map<string, SecretMatch>();
    for (const decoding of decodings(text)) {
      for (const match of [...index.matches(decoding), ...wordMatches(words, decoding)]) {
        const [start, end] = decoding.originalRange(match.start, match.end);
        const { secret, form, text } = match.needle;
        const whole = match.needle.whole && match.end - match.start >= text.length;
        const forms = [...decoding.encodings, ...(form === "base64" ? [form] : [])];
        const result: SecretMatch = { secret, form: forms.length === 0 ? "as it is" : forms.join(" of "), start, end, whole };
        const key = `${start} ${end} ${secret}`;
        // The decoding with the fewest steps comes first.
        if (!found.has(key) || (whole && !found.get(key)?.whole)) found.set(key, result);
      }
    }
    return withoutInner([...found.values()]);
  };
}

/** Replaces every match with `mark`. */
export function replaceSecrets(text: string, matches: readonly SecretMatch[], mark: string): string {
  if (matches.length === 0) return text;
  const pieces: string[] = [];
  let rest = 0;
  for (const [start, end] of mergedRanges(matches)) {
    pieces.push(text.slice(rest, start), mark);
    rest = end;
  }
  return pieces.join("") + text.slice(rest);
}

/** One text to search for because of a secret. */
interface Needle {
  readonly secret: string;
  readonly text: string;
  readonly form?: Encoding;
  /** false when it is only a part of the secret. */
  readonly whole: boolean;
  /** The number of consecutive characters that make a match. */
  readonly minLength: number;
}

function needlesOf(secret: string): readonly Needle[] {
  const trimmed = secret.trim();
  const lines = trimmed.split(/\s*\n\s*/).filter((line) => line.length >= MIN_PART_LENGTH && !/^-----.*-----$/.test(line));
  const bare = trimmed.replace(/\s+/g, "");
  const letters = trimmed.replace(/[^A-Za-z0-9]+/g, "");
  return [
    { text: trimmed, whole: true },
    ...(bare === trimmed || bare.length < MIN_PART_LENGTH ? [] : [{ text: bare, whole: true, form: "wrapped" as const }]),
    ...(lines.length > 1 || trimmed.includes("\n") ? lines.map((text) => ({ text, whole: false })) : []),
    ...passwordsIn(trimmed).map((text) => ({ text, whole: false })),
  ]
    .filter(({ text }) => text.length >= MIN_LENGTH && !WORDS.has(text))
    .flatMap(({ text, whole, form }): readonly Needle[] => [
      { secret, text, whole, minLength: minMatchLength(text.length, 1), ...(form && { form }) },
      ...(text.length < MIN_SUBSTRING_LENGTH ? [] : base64Cores(text)).map(
        (core): Needle => ({ secret, text: core, whole, minLength: minMatchLength(core.length, 4 / 3), form: "base64" }),
      ),
    ])
    .concat(letters.length < MIN_PART_LENGTH ? [] : { secret, text: letters, whole: true, minLength: letters.length, form: "cut up" });
}

/** Only the password of a URL is a part that can leak; the rest is public. */
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

function minMatchLength(length: number, growth: number): number {
  return Math.min(
    length,
    Math.max(Math.ceil(MIN_PART_LENGTH * growth), Math.min(Math.ceil(length / 2), Math.ceil(LONG_PART_LENGTH * growth))),
  );
}

/** The parts of its base64 that do not depend on the surrounding text: one for each alignment to groups of three bytes. */
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

/** The number of characters per lookup. */
const GRAM = MIN_SUBSTRING_LENGTH;
/** The distance between indexed positions of a needle: every part of the minimum length contains one. */
const STRIDE = MIN_PART_LENGTH - GRAM + 1;
const FACTOR = 0x01000193;
const DROP = power(FACTOR, GRAM - 1);

/** Looks up each position of a text in an index of needle positions, and extends each hit in both directions. */
class NeedleIndex {
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

  matches({ text, encodings }: Decoding): readonly Match[] {
    const found: Match[] = [];
    const folded = fold(text);
    if (folded.length < GRAM) return found;
    let hash = hashAt(folded, 0);
    for (let at = 0; ; at++) {
      for (let entry = this.#heads[slot(hash) & this.#mask] ?? -1; entry >= 0; entry = this.#next[entry] ?? -1) {
        const match = this.#matchAt(text, folded, at, this.#needle[entry] ?? 0, this.#offset[entry] ?? 0, encodings[0]);
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

  #matchAt(text: string, folded: string, at: number, number: number, offset: number, outermost?: Encoding): Match | undefined {
    const { needle, folded: sought } = this.#needles[number] as { needle: Needle; folded: string };
    // A joined needle matches only a text that was joined in the same way.
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
    if (length < (outermost === "wrapped" ? Math.max(MIN_PART_LENGTH, needle.minLength) : needle.minLength)) return undefined;
    // Short matches are case-sensitive: another case is another word.
    if (length < MIN_PART_LENGTH && text.slice(start, end) !== needle.text.slice(from, to)) return undefined;
    if (needle.form !== "base64") return { needle, start, end };
    const before = start > 0 && BASE64.test(text[start - 1] ?? "") ? 1 : 0;
    return { needle, start: start - before, end: end + (TAIL.exec(text.slice(end, end + 4))?.[0].length ?? 0) };
  }
}

/** The characters at both ends of a base64 core contain bits of the secret too. */
const BASE64 = /[\w+/-]/;
const TAIL = /^[\w+/-]?={0,2}/;

function hashAt(text: string, offset: number): number {
  let hash = 0;
  for (let index = offset; index < offset + GRAM; index++) hash = (Math.imul(hash, FACTOR) + text.charCodeAt(index)) | 0;
  return hash;
}

/** Mixes the high bits in: the low bits of the hash hardly depend on the first characters. */
function slot(hash: number): number {
  return hash ^ (hash >>> 15);
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let step = 0; step < exponent; step++) result = Math.imul(result, base);
  return result;
}

/** Lower case, because names are often derived from a text in this way. */
function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function wordMatches(words: readonly Needle[], { text, encodings }: Decoding): readonly Match[] {
  if (encodings.length > 1 || encodings[0] === "wrapped" || encodings[0] === "cut up") return [];
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

/** The longest match of each secret at each position. */
function withoutInner(matches: readonly SecretMatch[]): readonly SecretMatch[] {
  const inOrder = [...matches].sort((a, b) => a.start - b.start || b.end - a.end);
  const lastEnds = new Map<string, number>();
  return inOrder.filter(({ secret, end }) => {
    const inner = end <= (lastEnds.get(secret) ?? -1);
    if (!inner) lastEnds.set(secret, end);
    return !inner;
  });
}

function mergedRanges(matches: readonly SecretMatch[]): readonly TextRange[] {
  const ranges: [number, number][] = [];
  for (const { start, end } of matches) {
    const last = ranges.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else ranges.push([start, end]);
  }
  return ranges;
}
