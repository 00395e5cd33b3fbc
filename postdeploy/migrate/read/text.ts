/** What the bytes of a file say, strictly: a lenient reader would store the replacement character in somebody's table. */
import { hash } from "node:crypto";
import type { Finding } from "./finding.ts";
import { partOf, tokenize, UnterminatedError } from "./lex.ts";
import { placeAt } from "./position.ts";

/** Beyond this one message of the protocol grows unwieldy on both sides; a load of that size belongs to COPY. */
export const MOST_BYTES = 64 * 1024 * 1024;

export interface Text {
  /** Without a byte-order mark; line ends as they are in the file. */
  readonly text: string;
  /** SHA-256 of the text with \n line ends: a checkout on Windows is the same file. */
  readonly checksum: string;
  readonly findings: readonly Finding[];
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function decode(file: string, bytes: Buffer): Text {
  const findings: Finding[] = [];
  const refuse = (rule: string, message: string, fix: string, place = {}): Text => {
    findings.push({ rule, severity: "error", file, message, fix, ...place });
    return { text: "", checksum: sha256(bytes), findings };
  };
  if (bytes.length > MOST_BYTES)
    return refuse(
      "too-big",
      `${Math.ceil(bytes.length / 2 ** 20)} MB is more than one file may hold (64 MB).`,
      "Split it, or load the rows with COPY in a job of its own.",
    );
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return refuse("encoding", "The file is UTF-16.", "Save it as UTF-8.");
  const nul = bytes.indexOf(0);
  if (nul !== -1)
    return refuse(
      "nul",
      `Byte ${nul} is NUL, which Postgres cannot take.`,
      "Remove it; is the file really text?",
      placeAt(bytes.toString("latin1"), nul),
    );
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (marked)
    findings.push({ rule: "byte-order-mark", severity: "note", file, message: "The byte-order mark at the beginning is left out." });
  const body = marked ? bytes.subarray(3) : bytes;
  try {
    const text = strict.decode(body);
    return { text, checksum: sha256(text.includes("\r") ? text.replaceAll("\r\n", "\n") : body), findings };
  } catch {
    const at = firstBad(body);
    return refuse(
      "encoding",
      `Byte ${at + (marked ? 3 : 0)} is not UTF-8 (0x${body[at]!.toString(16)}).`,
      "Save the file as UTF-8; it looks like Latin-1 or Windows-1252.",
      placeAt(body.toString("latin1"), at),
    );
  }
}

/** The second checksum: the same for a file that was only reformatted or commented. */
export function meaningSum(text: string): string {
  const parts: string[] = [];
  try {
    for (const token of tokenize(text)) if (token.kind !== "comment") parts.push(partOf(text, token));
  } catch (error) {
    if (!(error instanceof UnterminatedError)) throw error;
    return meaningOf([text]);
  }
  return meaningOf(parts);
}

export function meaningOf(parts: readonly string[]): string {
  const end = parts.findLastIndex((part) => part !== ";") + 1;
  return sha256(parts.slice(0, end).join(" "));
}

function firstBad(bytes: Buffer): number {
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (isPrefix(bytes.subarray(0, middle))) low = middle;
    else high = middle - 1;
  }
  // That is the byte at which it became clear; the character that is none began up to three before it.
  while (!isWhole(bytes.subarray(0, low))) low--;
  return low;
}

function isWhole(bytes: Buffer): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Whether this could be the beginning of good text: a character cut in half at the end is no mistake. */
function isPrefix(bytes: Buffer): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function sha256(data: string | Uint8Array): string {
  return hash("sha256", data);
}
