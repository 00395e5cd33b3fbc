/**
 * Texts that are compared with a committed file, section by section, so that a review shows every change of them.
 * Run the test with UPDATE_EXPECTED=1 to write the file again.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const HEADING = "=== ";

/** @returns the sections of the file by heading: a line that starts with `===`, and the text below it. */
export function readExpected(file: URL, actual: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (process.env.UPDATE_EXPECTED) writeFileSync(file, Object.entries(actual).map(formatSection).join("\n"));
  if (!existsSync(file)) throw new Error(`${file.pathname} does not exist. Write it: UPDATE_EXPECTED=1 npx vitest run <this test>`);
  const sections = readFileSync(file, "utf8")
    .split(new RegExp(`^${HEADING}`, "m"))
    .slice(1);
  return Object.fromEntries(sections.map((section) => [section.split("\n", 1)[0]!, section.slice(section.indexOf("\n") + 1).trimEnd()]));
}

function formatSection([heading, text]: readonly [string, string]): string {
  return `${HEADING}${heading}\n${text.trimEnd()}\n`;
}
