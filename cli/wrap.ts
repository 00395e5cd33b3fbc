/** Lines of at most `width`, broken only at the separator; what is longer than a line stands on one of its own. */
export function wrap(text: string, width: number, separator: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const part of text.split(separator)) {
    const longer = line === "" ? part : line + separator + part;
    if (line !== "" && longer.length > width) {
      lines.push(line);
      line = part;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}

/** A text in columns, in a terminal of this width: what is too long goes on below its own beginning. */
export function folded(text: string, width: number): string {
  return text
    .split("\n")
    .flatMap((line) => {
      if (line.length <= width) return [line];
      const [before = ""] = /^.*\S {2,}(?=\S)|^ */.exec(line) ?? [];
      const head = before.length > width / 2 ? "" : before;
      const [first = "", ...more] = wrap(line.slice(head.length), width - head.length, " ");
      return [head + first, ...more.map((rest) => " ".repeat(head.length) + rest)];
    })
    .join("\n");
}
