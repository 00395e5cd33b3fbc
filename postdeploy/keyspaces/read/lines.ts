/** JSON lines by the block: a file of any size, a few hundred kilobytes of it in memory. */
import { isUtf8 } from "node:buffer";
import { open } from "node:fs/promises";
import { declarationError, escapeControlCharacters, type FileLocation } from "./entry.ts";
import { findDuplicateName } from "./json.ts";

export interface LineBlock {
  readonly file: string;
  /** Number of the first line, from 1. */
  readonly line: number;
  /** Whole lines; the last one may lack its end. */
  readonly bytes: Buffer;
}

const LF = 10;
/** What some editors put before UTF-8. */
const BOM = Buffer.from("\ufeff");
const BLOCK_BYTES = 256 * 1024;
/** Longer text than this is none to JavaScript. */
const MAX_LINE_BYTES = 512 * 1024 * 1024 - 32;

/** Where a block that begins at `from` ends; `from` itself where more bytes are needed to tell, which are there once `last` is true. */
export type FindBlockEnd = (bytes: Buffer, from: number, last: boolean) => number;

/** @param cut wherever lines end, unless told otherwise */
export async function* readBlocks(
  path: string,
  file: string,
  cut: FindBlockEnd = endAtLastLine,
  longestLine: number = MAX_LINE_BYTES,
): AsyncGenerator<LineBlock> {
  const handle = await open(path);
  try {
    let rest: Buffer = Buffer.alloc(0);
    let line = 1;
    let begun = false;
    for (let last = false; !last; ) {
      if (rest.length > longestLine)
        throw declarationError(
          { file, line },
          `this line is longer than ${Math.round(longestLine / 2 ** 20)} MiB, and a value may have 512. Split it over several keys.`,
        );
      // Behind what is left of the last block, and as much again, so that a long line is copied a few times and not a thousand.
      const room = Buffer.allocUnsafeSlow(rest.length + Math.max(BLOCK_BYTES, rest.length));
      rest.copy(room);
      const { bytesRead } = await handle.read(room, rest.length);
      const bytes = room.subarray(0, rest.length + bytesRead);
      last = bytesRead === 0;
      let from = begun || !bytes.subarray(0, BOM.length).equals(BOM) ? 0 : BOM.length;
      begun ||= bytes.length >= BOM.length;
      for (let end = cut(bytes, from, last); end > from; end = cut(bytes, from, last)) {
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
  throw declarationError(
    { file: block.file, line },
    'is not UTF-8. Save the file as UTF-8; bytes that are no text are written { "base64": … }.',
  );
}

const endAtLastLine: FindBlockEnd = (bytes, from, last) => (last ? bytes.length : Math.max(bytes.lastIndexOf(LF) + 1, from));

/** Ends of lines, of which the last line of a file may have none. */
export function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}

/** Each line's JSON with its number; blank lines are none. */
export function* parseLines({ file, line, bytes }: LineBlock): Generator<readonly [given: unknown, line: number]> {
  const text = bytes.toString();
  let number = line;
  for (let from = 0; from < text.length; number++) {
    let end = text.indexOf("\n", from);
    if (end === -1) end = text.length;
    const one = text.slice(from, end);
    from = end + 1;
    const given = parseLine(one, { file, line: number });
    if (given !== undefined) yield [given, number];
  }
}

/** @returns undefined for a blank line. */
export function parseLine(text: string, place: FileLocation): unknown {
  if (text.trim() === "") return undefined;
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    // The rest of the message quotes the line, in which a secret may stand.
    const [what = ""] = (error as Error).message.split(/, (?:\.\.\.)?"/);
    throw declarationError(place, `is no JSON: ${escapeControlCharacters(what)}. One key a line: {"key": "…", "string": "…"}.`);
  }
  const twice = findDuplicateName(text);
  if (twice !== undefined)
    throw declarationError(place, `the name "${escapeControlCharacters(twice)}" stands twice in one object. Take one out.`);
  return given;
}
