/**
 * Places in a text, in the four ways they are counted here.
 *
 * JavaScript counts UTF-16 units; the server counts characters of the whole message; the parser counts UTF-8 bytes; people count lines and
 * columns. An emoji before a mistake is enough to tell them apart.
 */
const BEYOND_ASCII = /[^\0-\x7f]/;
const ASTRAL = /[\ud800-\udfff]/;

/** @param count of characters before the place. */
export function fromCharacters(text: string, count: number): number {
  if (!ASTRAL.test(text)) return count;
  let index = 0;
  for (let seen = 0; seen < count && index < text.length; seen++) index += text.codePointAt(index)! > 0xffff ? 2 : 1;
  return index;
}

/** Turns many byte places into indexes; ask in ascending order. */
export function byteReader(text: string): (bytes: number) => number {
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

export interface Place {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
}

export function placeAt(text: string, index: number): Place {
  const before = text.slice(0, index);
  const start = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let at = before.indexOf("\n"); at !== -1; at = before.indexOf("\n", at + 1)) line++;
  return { line, column: [...before.slice(start)].length + 1 };
}

const WIDTH = 110;

/** The line of a place and the two above it, with a caret below. */
export function excerpt(text: string, index: number): string {
  const { line, column } = placeAt(text, index);
  const lines = text.split(/\r?\n/, line);
  const gutter = String(line).length;
  const shown = lines.slice(Math.max(0, line - 3)).map((content, nth, all) => {
    const number = String(line - all.length + 1 + nth).padStart(gutter);
    return `${number} | ${cut(content, nth === all.length - 1 ? column : 1)}`;
  });
  const offset = Math.max(0, column - WIDTH + 10);
  const lead = [...(lines.at(-1) ?? "")].slice(offset, column - 1).map((char) => (char === "\t" ? "\t" : " "));
  return [...shown, `${" ".repeat(gutter)} | ${lead.join("")}^`].join("\n");
}

function cut(content: string, column: number): string {
  const characters = [...content];
  const offset = Math.max(0, column - WIDTH + 10);
  const part = characters.slice(offset, offset + WIDTH).join("");
  return characters.length > offset + WIDTH ? `${part}…` : part;
}
