import { expect, it } from "vitest";
import { markdown } from "../../report/markdown/review.ts";
import { dangerous, exchanged, quiet } from "../../report/testing/samples.ts";
import { plainStyle, type Style } from "../shared/terminal.ts";
import { formatMarkdown } from "./text.ts";

const format = (review: typeof dangerous, columns = 80, style: Style = plainStyle) => formatMarkdown(markdown(review), { columns, style });

/** Marks that only GitHub reads. */
const MARKS = /<!--|<\/?details|<summary|\[!|```|&#124;|^#|^> |\| ---/m;

it("prints a review without the marks of Markdown", () => {
  const text = format(dangerous);
  expect(text).not.toMatch(MARKS);
  expect(text).not.toContain("**");
  expect(text).not.toContain("flowchart");
  expect(text.split("\n")[0]).toBe("slipway: danger");
  for (const title of ["Replaced and deleted", "Firewalls", "Secrets", "SQL", "Keyspaces", "Restarts", "Cost"])
    expect(text).toMatch(new RegExp(`^${title}$`, "m"));
  expect(format(quiet)).toMatch(/^slipway: no changes on /);
});

it("folds sentences at the width of the terminal, and nothing that is quoted", () => {
  for (const columns of [60, 100]) {
    const sentences = format(dangerous, columns)
      .split("\n")
      .filter((line) => !line.startsWith("    ") && !/ {2,}\S/.test(line.trim()));
    expect(sentences.filter((line) => line.length > columns && line.trim().includes(" ") && !/^\s*(- )?\S+$/.test(line))).toEqual([]);
  }
});

it("keeps the text of a code span, whatever it contains", () => {
  for (const text of ["**a**", "a`b``c", "`", "x|y", "[a](b)", " edge ", "- a", "| a"]) {
    const printed = format(exchanged(dangerous, text));
    expect(printed).toContain(text.trim());
    expect(printed).not.toMatch(/<\/?details|<!--|&#124;/);
  }
});

it("colours the old and the new value", () => {
  const style = { ...plainStyle, bad: (text: string) => `<${text}>`, good: (text: string) => `{${text}}` };
  expect(format(dangerous, 80, style)).toMatch(/ {4}<- .*>\n {4}\{\+ .*\}/);
});
