/** A review's Markdown as a terminal shows it: the same words in the same order, without the marks that only a page reads. */
import { table } from "../local/text.ts";
import type { Paper } from "../shared/terminal.ts";
import { wrap } from "../shared/wrap.ts";

export function markdownInTerminal(markdown: string, paper: Paper): string {
  const lines = markdown.trimEnd().split("\n");
  const shown: string[] = [];
  for (let at = 0; at < lines.length; ) {
    const [told, next] = blockAt(lines, at, paper);
    shown.push(...told);
    at = next;
  }
  return shown
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

type Told = readonly [shown: readonly string[], next: number];

function blockAt(lines: readonly string[], at: number, paper: Paper): Told {
  const line = lines[at] ?? "";
  const fence = /^(`{3,})(\w*)$/.exec(line);
  if (fence) return fenced(lines, at, fence[1] ?? "", fence[2] ?? "", paper);
  if (line.startsWith("| ")) return rows(lines, at, paper);
  // Where GitHub finds the comment again, how it colours an alert, and where it folds.
  if (/^<!--|^<\/details>|^> \[!\w+\]$/.test(line)) return [[], at + 1];
  const summary = /^<details><summary>(.*)<\/summary>$/.exec(line)?.[1];
  if (summary !== undefined) {
    const drawing = lines[at + 2] === "```mermaid" ? lines.indexOf("```", at + 3) : -1;
    return drawing < 0 ? [[paper.style.bold(summary)], at + 1] : [[], drawing + 1];
  }
  const heading = /^#+ (.*)$/.exec(line)?.[1] ?? /^> \*\*(.*)\*\*$/.exec(line)?.[1];
  if (heading !== undefined) return [laid(heading, paper.columns).map(paper.style.bold), at + 1];
  return [laid(line.replace(/^> /, ""), paper.columns), at + 1];
}

function laid(line: string, columns: number): string[] {
  const [lead] = /^ *(?:- )?/.exec(line) as RegExpExecArray;
  const room = " ".repeat(lead.length);
  return wrap(words(line.slice(lead.length)).trimEnd(), columns - lead.length, " ").map(
    (text, index) => (index === 0 ? lead : room) + text,
  );
}

/** What differs stands in by two columns, in colours where there are any. */
function fenced(lines: readonly string[], at: number, fence: string, info: string, { style }: Paper): Told {
  const end = lines.indexOf(fence, at + 1);
  const looks = { "-": style.bad, "+": style.good, "@": style.dim, "!": style.warn } as const;
  const inner = lines.slice(at + 1, end < 0 ? lines.length : end).map((line) => {
    const look = info === "diff" ? looks[line[0] as keyof typeof looks] : undefined;
    const text = info === "diff" ? line.replace(/^@@ (.*?) @@/, "$1") : line;
    return `    ${look ? look(text) : text}`;
  });
  return [inner, end < 0 ? lines.length : end + 1];
}

function rows(lines: readonly string[], at: number, { style }: Paper): Told {
  let next = at;
  while (lines[next]?.startsWith("| ")) next++;
  const cells = lines
    .slice(at, next)
    .filter((line) => !/^\| -/.test(line))
    .map((line) =>
      line
        .slice(2, -2)
        .split(" | ")
        .map((cell) => words(cell)),
    );
  const [head = "", ...rest] = table(cells);
  return [[style.dim(head), ...rest], next];
}

/** A code span is its text, whatever stands in it; the rest loses the marks of what is bold or leads somewhere. */
function words(line: string): string {
  return line.replace(SPAN_OR_MARK, (_, _fence?: string, span?: string, link?: string, pipe?: string) => {
    if (span !== undefined) return /^ .*[` ] $|^ [` ].* $/.test(span) ? span.slice(1, -1) : span;
    return link ?? (pipe === undefined ? "" : "|");
  });
}

const SPAN_OR_MARK = /(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)|\*\*|\[([^\]]+)\]\([^)]+\)|(&#124;)/g;
