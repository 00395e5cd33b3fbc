/**
 * Escapes untrusted text for Markdown, HTML and diagram labels. The author of a pull request chooses names, values, paths and messages: none of them
 * may add markup, links, mentions, hidden text or remote content.
 */

/** Invisible characters: controls, directions, zero widths, fillers, private characters, unusual spaces, and a third accent on one letter. */
const HIDDEN = /(?!(?<=\p{ExtPict})\ufe0f)[\p{C}\p{Zl}\p{Zp}\p{DI}]|(?! )\p{Zs}|(?<=\p{M}{2})\p{M}/gu;

/** Replaces invisible characters with their code points. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (letter) => NAMED[letter] ?? `\\u{${letter.codePointAt(0)?.toString(16)}}`);
}

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Cuts a text, and appends how many characters are missing. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const letters = Array.from(text);
  return letters.length <= most ? text : `${letters.slice(0, most).join("")}… (${letters.length - most} more characters)`;
}

const MOST_IN_A_SPAN = 200;
const MOST_IN_A_SENTENCE = 600;
const MOST_IN_A_LABEL = 40;

/** A name or a value in Markdown: in a code span, GitHub interprets no mention, reference, link, emoji or formula. */
export function code(text: string): string {
  const shown = visible(cut(text, MOST_IN_A_SPAN));
  // Markdown trims a code span.
  const whole = shown === "" || shown !== shown.trim() ? `"${shown}"` : shown;
  // A pipe ends a table cell even in a code span, and a backslash before it can undo its escape.
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

/** A sentence in Markdown, on one line: plain words stay, any other word becomes a code span. */
export function prose(text: string): string {
  const words = cut(text.trim(), MOST_IN_A_SENTENCE).split(/\s+/u).map(visible);
  return words
    .map((word, index) => (isPlain(word) && (index > 0 || !/^[^\p{L}\p{N}("'“‘]|^\d+[.)]/u.test(word)) ? word : technical(word)))
    .join(" ");
}

/** Letters, digits and punctuation. */
const WORD = /^[\p{L}\p{M}\p{N}"'“”‘’,.;:!?()%+×·…–—→-]+$/u;
/** Plain characters that GitHub interprets: `www.x`, `a.b`, `:smile:`, `GH-1`, a commit. */
const INTERPRETED = /\.\p{L}{2}|:.*[^\d:]|:.*:|[A-Za-z][A-Za-z0-9]*-\d|(?=[\da-f]*\d)[\da-f]{7}|^\W*www/iu;

const isPlain = (word: string): boolean => WORD.test(word) && !INTERPRETED.test(word);

function technical(word: string): string {
  const [, before = "", inner = "", after = ""] = /^([("'“‘]*)(.*?)([)"'”’,.;:!?…]*)$/u.exec(word) ?? [];
  return inner === "" ? code(word) : `${before}${code(inner)}${after}`;
}

/** Lines in a code fence that none of them can close. @param info not from untrusted text */
export function fenced(lines: readonly string[], info = ""): string {
  const shown = lines.map((line) => visible(line.replaceAll("\t", "  ")));
  const fence = "`".repeat(Math.max(3, ...shown.map((line) => 1 + longestRun(line))));
  return [`${fence}${info}`, ...shown, fence].join("\n");
}

/** Shortened to the width of a box in a diagram. */
export function short(text: string): string {
  const letters = Array.from(text);
  return letters.length > MOST_IN_A_LABEL ? `${letters.slice(0, MOST_IN_A_LABEL - 1).join("")}…` : text;
}

/** A quoted label in a mermaid diagram. Characters are replaced instead of escaped, because some versions of mermaid turn its escapes into markup. */
export function label(text: string): string {
  return visible(short(text))
    .replace(/[^\p{L}\p{N} ._/,:×()→…-]/gu, "?")
    .replace(/^(-|\d+\.)(?= )/, "$1_");
}

/** Text or the value of an attribute in HTML. */
export function html(text: string): string {
  return visible(text).replace(/[&<>"'`]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** Several lines, escaped and kept apart. */
export const htmlLines = (text: string, most: number): string => cut(text, most).split("\n").map(html).join("\n");
