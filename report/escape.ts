/**
 * The one place where a text of the change becomes Markdown, HTML or a label of a drawing. Whoever opens a pull request chooses those texts:
 * names, values, paths, messages. None of them may mark up, link, mention, hide or reach out.
 */

/** What has no form of its own on a page: controls, directions, zero widths, fillers, private characters, odd spaces, and a third accent on one letter. */
const HIDDEN = /(?!(?<=\p{ExtPict})\ufe0f)[\p{C}\p{Zl}\p{Zp}\p{DI}]|(?! )\p{Zs}|(?<=\p{M}{2})\p{M}/gu;

/** Hidden characters as their numbers, so that a reader sees that they are there. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (letter) => NAMED[letter] ?? `\\u{${letter.codePointAt(0)?.toString(16)}}`);
}

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** At most so many characters, with the number of those that are left out. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const letters = Array.from(text);
  return letters.length <= most ? text : `${letters.slice(0, most).join("")}… (${letters.length - most} more characters)`;
}

const MOST_IN_A_SPAN = 200;
const MOST_IN_A_SENTENCE = 600;
const MOST_IN_A_LABEL = 40;

/** A name or a value in Markdown. In a code span GitHub makes nothing of it: no mention, reference, link, emoji or formula. */
export function code(text: string): string {
  const shown = visible(cut(text, MOST_IN_A_SPAN));
  // Else its edges would be lost.
  const whole = shown === "" || shown !== shown.trim() ? `"${shown}"` : shown;
  // A pipe ends the cell of a table even in a code span, and an escaped backslash before it brings it back.
  return whole
    .split("|")
    .map((part) => (part === "" ? "" : span(part)))
    .join("&#124;");
}

function span(text: string): string {
  const fence = "`".repeat(1 + longestRun(text));
  const room = /^[` ]|[` ]$/.test(text) ? " " : "";
  return `${fence}${room}${text}${room}${fence}`;
}

const longestRun = (text: string): number => Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));

/** A sentence in Markdown: plain words stay words, any other becomes a code span. Never empty, never more than one line. */
export function prose(text: string): string {
  const words = cut(text.trim(), MOST_IN_A_SENTENCE).split(/\s+/u).map(visible);
  return words
    .map((word, index) => (isPlain(word) && (index > 0 || !/^[^\p{L}\p{N}("'“‘]|^\d+[.)]/u.test(word)) ? word : technical(word)))
    .join(" ");
}

/** Letters, digits and the marks of a sentence. */
const WORD = /^[\p{L}\p{M}\p{N}"'“”‘’,.;:!?()%+×·…–—→-]+$/u;
/** Of such letters, but made into something: `www.x`, `a.b`, `:smile:`, `GH-1`, a commit. */
const MEANT = /\.\p{L}{2}|:.*[^\d:]|:.*:|[A-Za-z][A-Za-z0-9]*-\d|(?=[\da-f]*\d)[\da-f]{7}|^\W*www/iu;

const isPlain = (word: string): boolean => WORD.test(word) && !MEANT.test(word);

function technical(word: string): string {
  const [, before = "", inner = "", after = ""] = /^([("'“‘]*)(.*?)([)"'”’,.;:!?…]*)$/u.exec(word) ?? [];
  return inner === "" ? code(word) : `${before}${code(inner)}${after}`;
}

/** Lines as they are, in a fence that no line of them can end. @param info only of our own choice */
export function fenced(lines: readonly string[], info = ""): string {
  const shown = lines.map((line) => visible(line.replaceAll("\t", "  ")));
  const fence = "`".repeat(Math.max(3, ...shown.map((line) => 1 + longestRun(line))));
  return [`${fence}${info}`, ...shown, fence].join("\n");
}

/** What a box of a drawing has room for. */
export function short(text: string): string {
  const letters = Array.from(text);
  return letters.length > MOST_IN_A_LABEL ? `${letters.slice(0, MOST_IN_A_LABEL - 1).join("")}…` : text;
}

/** What the quotes of a label in a mermaid drawing may hold: mermaid's own escapes come back as markup in some versions, so nothing is escaped. */
export function label(text: string): string {
  return visible(short(text))
    .replace(/[^\p{L}\p{N} ._/,:×()→…-]/gu, "?")
    .replace(/^(-|\d+\.)(?= )/, "$1_");
}

/** Text or the value of an attribute in HTML. */
export function html(text: string): string {
  return visible(text).replace(/[&<>"'`]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** A text of several lines, each of which stays one. */
export const htmlLines = (text: string, most: number): string => cut(text, most).split("\n").map(html).join("\n");
