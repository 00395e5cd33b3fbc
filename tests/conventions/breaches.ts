/** Every breach of the conventions in the files that git knows or would add. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findCircles, findForbiddenImports, importsOf } from "./imports.ts";
import { wordsInCode, wordsInPage } from "./words.ts";

export function breachesIn(root: string): string[] {
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" })
    .split("\n")
    .filter((file) => file !== "" && !file.startsWith("tests/conventions/"));
  const imports = importsOf(
    root,
    files.filter((file) => isCode(file)),
  );
  return [
    ...findForbiddenImports(imports),
    ...findCircles(imports).map((circle) => `Import circle: ${circle}`),
    ...files.flatMap((file) => wordsIn(root, file)),
  ];
}

const isCode = (file: string) => /\.(ts|mjs|js)$/.test(file);
const isPage = (file: string) => /\.(md|ya?ml|lua)$/.test(file);

function wordsIn(root: string, file: string): string[] {
  if (!isCode(file) && !isPage(file)) return [];
  const text = readFileSync(join(root, file), "utf8");
  const found = isCode(file) ? wordsInCode(file, text) : wordsInPage(file, text);
  return found.map(({ line, text: word, use }) => `${file}:${line}: "${word}". Write: ${use}.`);
}
