/** Reads JSON lines in blocks, so that a file of any size takes a few hundred kilobytes of memory. */
import { isUtf8 } from "node:buffer";
import { open } from "node:fs/promises";
import { type Declaration, declarationError, escapeControlCharacters, type FileLocation } from "./entry.ts";

export interface LineBlock {
  readonly file: string;
  /** Number of the first line, starting at 1. */
  readonly line: number;
  /** Whole lines; the last line of the file may have no line feed. */
  readonly bytes: Buffer;
}

const LF = 10;
/** Some editors write a byte order mark before UTF-8. */
const BOM = Buffer.from("\ufeff");
const BLOCK_BYTES = 256 * 1024;
/** The longest string in V8. */
const MAX_LINE_BYTES = 512 * 1024 * 1024 - 32;

/** @returns the end of the block that starts at `from`, or `from` if more bytes are needed. `last` means that there are no more bytes. */
export type FindBlockEnd = (bytes: Buffer, from: number, last: boolean) => number;

/** @param findEnd ends a block at its last whole line by default */
export async function* readBlocks(
  path: string,
  file: string,
  findEnd: FindBlockEnd = endAtLastLine,
  longestLine: number = MAX_LINE_BYTES,
): AsyncGenerator<LineBlock> {
  const handle = await open(path);
  try {
    let rest: Buffer = Buffer.alloc(0);
    let line = 1;
    let started = false;
    for (let last = false; !last; ) {
      if (rest.length > longestLine)
        throw declarationError(
          { file, line },
          `this line is longer than ${Math.round(longestLine / 2 ** 20)} MiB. Redis values are limited to 512 MiB; split the value over several keys.`,
        );
      // Double the buffer for a long line, so that its bytes are copied a few times and not once per block.
      const buffer = Buffer.allocUnsafeSlow(rest.length + Math.max(BLOCK_BYTES, rest.length));
      rest.copy(buffer);
      const { bytesRead } = await handle.read(buffer, rest.length);
      const bytes = buffer.subarray(0, rest.length + bytesRead);
      last = bytesRead === 0;
      let from = started || !bytes.subarray(0, BOM.length).equals(BOM) ? 0 : BOM.length;
      started ||= bytes.length >= BOM.length;
      for (let end = findEnd(bytes, from, last); end > from; end = findEnd(bytes, from, last)) {
        const block = requireUtf8({ file, line, bytes: bytes.subarray(from, end) });
        yield block;
        line += countLines(block.bytes);
        from = end;
      }
      rest = bytes.subarray(from);
    }
  } finally {
    await handle.close();
  }
}

function requireUtf8(block: LineBlock): LineBlock {
  if (isUtf8(block.bytes)) return block;
  let line = block.line;
  for (let from = 0; from < block.bytes.length; line++) {
    const end = block.bytes.indexOf(LF, from);
    const until = end === -1 ? block.bytes.length : end + 1;
    if (!isUtf8(block.bytes.subarray(from, until))) break;
    from = until;
  }
  throw declarationError({ file: block.file, line }, 'is not UTF-8. Save the file as UTF-8; write binary data as { "base64": … }.');
}

const endAtLastLine: FindBlockEnd = (bytes, from, last) => (last ? bytes.length : Math.max(bytes.lastIndexOf(LF) + 1, from));

/** Counts line feeds. */
export function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}

/** Parses each line. Skips blank lines. */
export function* parseLines({ file, line: first, bytes }: LineBlock): Generator<Declaration> {
  const text = bytes.toString();
  for (let from = 0, line = first; from < text.length; line++) {
    const feed = text.indexOf("\n", from);
    const end = feed === -1 ? text.length : feed;
    const location = { file, line };
    const raw = parseLine(text.slice(from, end), location);
    if (raw !== undefined) yield { raw, location };
    from = end + 1;
  }
}

/** @returns undefined for a blank line. */
export function parseLine(text: string, location: FileLocation): unknown {
  if (text.trim() === "") return undefined;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    // The rest of the message quotes the line, which may contain a secret.
    const [reason = ""] = (error as Error).message.split(/, (?:\.\.\.)?"/);
    throw declarationError(
      location,
      `is not valid JSON: ${escapeControlCharacters(reason)}. Write one key per line: {"key": "…", "string": "…"}.`,
    );
  }
  const duplicate = findDuplicateName(text);
  if (duplicate !== undefined)
    throw declarationError(location, `the name "${escapeControlCharacters(duplicate)}" occurs twice in one object. Remove one.`);
  return raw;
}

const [QUOTE, BACKSLASH, COLON, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [34, 92, 58, 123, 125, 91, 93];

/**
 * JSON.parse silently keeps the last of two equal names in an object.
 *
 * @param text valid JSON
 * @returns the first name that occurs twice in an object
 */
function findDuplicateName(text: string): string | undefined {
  // The names of each open object; undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case OPEN:
        open.push(new Set());
        break;
      case OPEN_LIST:
        open.push(undefined);
        break;
      case CLOSE:
      case CLOSE_LIST:
        open.pop();
        break;
      case QUOTE: {
        const from = at;
        at = findClosingQuote(text, at + 1);
        const names = open.at(-1);
        if (names === undefined || !isFollowedByColon(text, at + 1)) break;
        const source = text.slice(from + 1, at);
        const name = source.includes("\\") ? (JSON.parse(text.slice(from, at + 1)) as string) : source;
        if (names.has(name)) return name;
        names.add(name);
      }
    }
  }
  return undefined;
}

/** Finds the next quote that follows an even number of backslashes. */
function findClosingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); ; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((at - before) % 2 === 0) return at;
  }
}

function isFollowedByColon(text: string, after: number): boolean {
  let at = after;
  while (text.charCodeAt(at) <= 32) at++;
  return text.charCodeAt(at) === COLON;
}
