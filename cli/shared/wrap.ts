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

/** A command at the end of a line, there to be copied. */
const COMMAND = /(?<=^ *|[:;?] {1,4}|, or )(?:npx slipway|slipway|pulumi|npm|cd|node|docker|doctl|psql|git|rm|ss|ps|export|eval) .*$/;

/**
 * A message for a terminal of this width: broken between words, never within one, and continued below its own beginning. A command stays on one
 * line, where it can be copied as it is; where it is too long, the terminal breaks it and still copies it whole.
 */
export function foldedMessage(text: string, width: number): string {
  return text
    .split("\n")
    .flatMap((line) => {
      if (line.length <= width) return [line];
      const [indent = ""] = /^ *(?:\d+\. )?/.exec(line) ?? [];
      const [command = ""] = COMMAND.exec(line) ?? [];
      const words = line.slice(indent.length, line.length - command.length).trimEnd();
      const isLabel = command !== "" && !words.includes(" ");
      if (isLabel) return [line];
      const parts = [...wrap(words, width - indent.length, " "), ...(command === "" ? [] : [command])];
      return parts.map((part, index) => (index === 0 ? indent : " ".repeat(indent.length)) + part);
    })
    .join("\n");
}
