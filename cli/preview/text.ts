/** A review's Markdown for a terminal: the same words in the same order, without Markdown's marks. */
import type { Layout } from "../shared/terminal.ts";
import { table } from "../shared/width.ts";
import { wrap } from "../shared/wrap.ts";

export function formatMarkdown(markdown: string, layout: Layout): string {
  const lines = markdown.trimEnd().split("\n");
  const shown: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const [block, next] = formatBlock(lines, at, layout);
    shown.push(...block);
    at = next;
  }
  return shown
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** The lines of a block, and the index of the line after it. */
type Block = readonly [lines: readonly string[], next: number];

function formatBlock(lines: readonly string[], at: number, layout: Layout): Block {
  const line = lines[at] ?? "";
  const fence = /^(`{3,})(\w*)$/.exec(line);
  if (fence) return formatFence(lines, at, fence[1] ?? "", fence[2] ?? "", layout);
  if (line.startsWith("| ")) return formatTable(lines, at, layout);
  // Marks for GitHub: the comment's id, the colour of an alert, the end of a fold.
  if (/^<!--|^<\/details>|^> \[!\w+\]$/.test(line)) return [[], at + 1];
  const summary = /^<details><summary>(.*)<\/summary>$/.exec(line)?.[1];
  if (summary !== undefined) {
    const drawing = lines[at + 2] === "```mermaid" ? lines.indexOf("```", at + 3) : -1;
    return drawing < 0 ? [[layout.style.bold(summary)], at + 1] : [[], drawing + 1];
  }
  const heading = /^#+ (.*)$/.exec(line)?.[1] ?? /^> \*\*(.*)\*\*$/.exec(line)?.[1];
  if (heading !== undefined) return [fold(heading, layout.columns).map(layout.style.bold), at + 1];
  return [fold(line.replace(/^> /, ""), layout.columns), at + 1];
}

function fold(line: string, columns: number): string[] {
  const [lead] = /^ *(?:- )?/.exec(line) as RegExpExecArray;
  const room = " ".repeat(lead.length);
  return wrap(stripMarks(line.slice(lead.length)).trimEnd(), columns - lead.length).map(
    (text, index) => (index === 0 ? lead : room) + text,
  );
}

/** Diffs are indented by four columns and coloured. */
function formatFence(lines: readonly string[], at: number, fence: string, info: string, { style }: Layout): Block {
  const end = lines.indexOf(fence, at + 1);
  const looks = { "-": style.bad, "+": style.good, "@": style.dim, "!": style.warn } as const;
  const inner = lines.slice(at + 1, end < 0 ? lines.length : end).map((line) => {
    const look = info === "diff" ? looks[line[0] as keyof typeof looks] : undefined;
    const text = info === "diff" ? line.replace(/^@@ (.*?) @@/, "$1") : line;
    return `    ${look ? look(text) : text}`;
  });
  return [inner, end < 0 ? lines.length : end + 1];
}

function formatTable(lines: readonly string[], at: number, { style }: Layout): Block {
  let next = at;
  while (lines[next]?.startsWith("| ")) next++;
  const cells = lines
    .slice(at, next)
    .filter((line) => !/^\| -/.test(line))
    .map((line) =>
      line
        .slice(2, -2)
        .split(" | ")
        .map((cell) => stripMarks(cell)),
    );
  const [head = "", ...rest] = table(cells);
  return [[style.dim(head), ...rest], next];
}

/** A code span becomes its text, unchanged; elsewhere the marks of bold text and links are removed. */
function stripMarks(line: string): string {
  return line.replace(SPAN_OR_MARK, (_, _fence?: string, span?: string, link?: string, pipe?: string) => {
    if (span !== undefined) return /^ .*[` ] $|^ [` ].* $/.test(span) ? span.slice(1, -1) : span;
    return link ?? (pipe === undefined ? "" : "|");
  });
}

const SPAN_OR_MARK = /(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)|\*\*|\[([^\]]+)\]\([^)]+\)|(&#124;)/g;
