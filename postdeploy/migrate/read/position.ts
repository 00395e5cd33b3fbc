/**
 * Converts between the units that positions are counted in: UTF-16 code units (JavaScript), characters of the whole message (the server), UTF-8
 * bytes (the parser), lines and columns (people).
 */
const BEYOND_ASCII = /[^\0-\x7f]/;
const ASTRAL = /[\ud800-\udfff]/;

/** @param count of characters before the position. */
export function indexOfCharacter(text: string, count: number): number {
  if (!ASTRAL.test(text)) return count;
  let index = 0;
  for (let seen = 0; seen < count && index < text.length; seen++) index += text.codePointAt(index)! > 0xffff ? 2 : 1;
  return index;
}

/** @returns a function from byte offsets to indexes. It is fast for ascending offsets. */
export function byteIndexer(text: string): (bytes: number) => number {
  if (!BEYOND_ASCII.test(text)) return (bytes) => bytes;
  let index = 0;
  let at = 0;
  return (bytes) => {
    if (bytes < at) index = at = 0;
    while (at < bytes && index < text.length) {
      const code = text.codePointAt(index)!;
      at += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      index += code > 0xffff ? 2 : 1;
    }
    return index;
  };
}

/** Both from 1; columns count characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export function positionAt(text: string, index: number): Position {
  const before = text.slice(0, index);
  const start = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let at = before.indexOf("\n"); at !== -1; at = before.indexOf("\n", at + 1)) line++;
  return { line, column: [...before.slice(start)].length + 1 };
}

const WIDTH = 110;

/** The line of a position and the two lines above it, with a caret below. */
export function formatExcerpt(text: string, index: number): string {
  const { line, column } = positionAt(text, index);
  const lines = text.split(/\r?\n/, line);
  const gutter = String(line).length;
  const shown = lines.slice(Math.max(0, line - 3)).map((content, nth, all) => {
    const number = String(line - all.length + 1 + nth).padStart(gutter);
    return `${number} | ${truncate(content, nth === all.length - 1 ? column : 1)}`;
  });
  const offset = Math.max(0, column - WIDTH + 10);
  const lead = [...(lines.at(-1) ?? "")].slice(offset, column - 1).map((char) => (char === "\t" ? "\t" : " "));
  return [...shown, `${" ".repeat(gutter)} | ${lead.join("")}^`].join("\n");
}

function truncate(content: string, column: number): string {
  const characters = [...content];
  const offset = Math.max(0, column - WIDTH + 10);
  const part = characters.slice(offset, offset + WIDTH).join("");
  return characters.length > offset + WIDTH ? `${part}…` : part;
}
