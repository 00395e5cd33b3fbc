import { expect, it } from "vitest";
import { markdown } from "../report/markdown/review.ts";
import { dangerous, exchanged, quiet } from "../report/testing/samples.ts";
import { markdownInTerminal } from "./preview-text.ts";
import { plainStyle, type Style } from "./terminal.ts";

const shown = (review: typeof dangerous, columns = 80, style: Style = plainStyle) =>
  markdownInTerminal(markdown(review), { columns, style });

/** What only GitHub reads. */
const MARKS = /<!--|<\/?details|<summary|\[!|```|&#124;|^#|^> |\| ---/m;

it("tells a review in a terminal without the marks of Markdown", () => {
  const text = shown(dangerous);
  expect(text).not.toMatch(MARKS);
  expect(text).not.toContain("**");
  expect(text).not.toContain("flowchart");
  expect(text.split("\n")[0]).toBe("slipway: danger");
  for (const title of ["Replaced and deleted", "Firewalls", "Secrets", "SQL", "Keyspaces", "Restarts", "Cost"])
    expect(text).toMatch(new RegExp(`^${title}$`, "m"));
  expect(shown(quiet)).toMatch(/^slipway: no changes on /);
});

it("breaks sentences at the terminal's edge, and nothing that is quoted", () => {
  for (const columns of [60, 100]) {
    const sentences = shown(dangerous, columns)
      .split("\n")
      .filter((line) => !line.startsWith("    ") && !/ {2,}\S/.test(line.trim()));
    expect(sentences.filter((line) => line.length > columns && line.trim().includes(" ") && !/^\s*(- )?\S+$/.test(line))).toEqual([]);
  }
});

it("gives back the text of a code span, whatever stands in it", () => {
  for (const text of ["**a**", "a`b``c", "`", "x|y", "[a](b)", " edge ", "- a", "| a"]) {
    const told = shown(exchanged(dangerous, text));
    expect(told).toContain(text.trim());
    expect(told).not.toMatch(/<\/?details|<!--|&#124;/);
  }
});

it("marks what was and what is where a terminal has colours", () => {
  const style = { ...plainStyle, bad: (text: string) => `<${text}>`, good: (text: string) => `{${text}}` };
  expect(shown(dangerous, 80, style)).toMatch(/ {4}<- .*>\n {4}\{\+ .*\}/);
});
