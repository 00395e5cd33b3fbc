/** Text for a terminal of a given width. */
import { wrapAnsi } from "fast-wrap-ansi";
import { displayWidth } from "./width.ts";

/** Lines of at most `width`, broken between words. A word longer than a line gets a line of its own. */
export function wrap(text: string, width: number): readonly string[] {
  return wrapAnsi(text, Math.max(1, width), { trim: false })
    .split("\n")
    .map((line, index, lines) => (index < lines.length - 1 ? line.trimEnd() : line))
    .map((line, index) => (index > 0 ? line.trimStart() : line));
}

/** Like `wrap`, and breaks a word that is longer than a line. */
export function wrapAnywhere(text: string, width: number): readonly string[] {
  return wrapAnsi(text, Math.max(1, width), { hard: true }).split("\n");
}

/** A command at the end of a line, there to be copied. */
const COMMAND = /(?<=^ *|[:;?] {1,4}|, or )(?:npx slipway|slipway|pulumi|npm|cd|node|docker|doctl|psql|git|rm|ss|ps|export|eval) .*$/;

/**
 * A message for a terminal of this width: broken between words and continued below its own beginning. A command stays on one line, where it can be
 * copied as it is; where it is too long, the terminal breaks it and still copies it whole.
 */
export function foldMessage(text: string, width: number): string {
  return text
    .split("\n")
    .flatMap((line) => {
      if (displayWidth(line) <= width) return [line];
      const [indent = ""] = /^ *(?:\d+\. )?/.exec(line) ?? [];
      const [command = ""] = COMMAND.exec(line) ?? [];
      const words = line.slice(indent.length, line.length - command.length).trimEnd();
      const isLabel = command !== "" && !words.includes(" ");
      if (isLabel) return [line];
      const parts = [...wrap(words, width - indent.length), ...(command === "" ? [] : [command])];
      return parts.map((part, index) => (index === 0 ? indent : " ".repeat(indent.length)) + part);
    })
    .join("\n");
}
