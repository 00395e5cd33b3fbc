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
