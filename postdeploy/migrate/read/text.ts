/** Decodes files strictly: a lenient decoder would write replacement characters into a table. */
import { hash } from "node:crypto";
import type { Finding } from "./finding.ts";
import { normalizeToken, tokenize, UnterminatedError } from "./lex.ts";
import { positionAt } from "./position.ts";

/** A file is sent as one protocol message. Larger loads belong in COPY. */
const MAX_BYTES = 64 * 1024 * 1024;

export interface Text {
  /** Without a byte-order mark; line ends as they are in the file. */
  readonly text: string;
  /** SHA-256 of the text with \n line ends, so that a checkout on Windows has the same checksum. */
  readonly checksum: string;
  readonly findings: readonly Finding[];
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function decodeFile(file: string, bytes: Buffer): Text {
  const findings: Finding[] = [];
  const reject = (rule: string, message: string, fix: string, position = {}): Text => {
    findings.push({ rule, severity: "error", file, message, fix, ...position });
    return { text: "", checksum: sha256(bytes), findings };
  };
  if (bytes.length > MAX_BYTES)
    return reject(
      "too-big",
      `The file has ${Math.ceil(bytes.length / 2 ** 20)} MB. The limit is 64 MB.`,
      "Split it, or load the rows with COPY in a separate job.",
    );
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return reject("encoding", "The file is UTF-16.", "Save it as UTF-8.");
  const nul = bytes.indexOf(0);
  if (nul !== -1)
    return reject(
      "nul",
      `Byte ${nul} is NUL, which Postgres does not accept.`,
      "Remove it. Check that the file is text.",
      positionAt(bytes.toString("latin1"), nul),
    );
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  if (hasMark)
    findings.push({ rule: "byte-order-mark", severity: "note", file, message: "The byte-order mark at the beginning is ignored." });
  const body = hasMark ? bytes.subarray(3) : bytes;
  try {
    const text = strict.decode(body);
    return { text, checksum: sha256(text.includes("\r") ? text.replaceAll("\r\n", "\n") : body), findings };
  } catch {
    const at = firstInvalidByte(body);
    return reject(
      "encoding",
      `Byte ${at + (hasMark ? 3 : 0)} is not UTF-8 (0x${body[at]!.toString(16)}).`,
      "Save the file as UTF-8; it looks like Latin-1 or Windows-1252.",
      positionAt(body.toString("latin1"), at),
    );
  }
}

/** A checksum that ignores formatting and comments. */
export function meaningChecksum(text: string): string {
  const parts: string[] = [];
  try {
    for (const token of tokenize(text)) if (token.kind !== "comment") parts.push(normalizeToken(text, token));
  } catch (error) {
    if (!(error instanceof UnterminatedError)) throw error;
    return checksumOfTokens([text]);
  }
  return checksumOfTokens(parts);
}

export function checksumOfTokens(parts: readonly string[]): string {
  const end = parts.findLastIndex((part) => part !== ";") + 1;
  return sha256(parts.slice(0, end).join(" "));
}

function firstInvalidByte(bytes: Buffer): number {
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (isPrefix(bytes.subarray(0, middle))) low = middle;
    else high = middle - 1;
  }
  // The invalid character may begin up to three bytes earlier.
  while (!isValid(bytes.subarray(0, low))) low--;
  return low;
}

function isValid(bytes: Buffer): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Whether the bytes can be the beginning of valid text: the last character may be incomplete. */
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
