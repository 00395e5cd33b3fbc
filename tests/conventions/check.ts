/** `npm run check`: the conventions that neither the compiler nor the linter knows. Prints every breach with its place; exit code 1 if there is one. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { circles, forbiddenImports, importsOf } from "./imports.ts";
import { wordsInCode, wordsInPage } from "./words.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "" && !file.startsWith("tests/conventions/"));
const read = (file: string) => readFileSync(join(root, file), "utf8");

const imports = importsOf(
  root,
  files.filter((file) => /\.(ts|mjs|js)$/.test(file)),
);
const words = files.flatMap((file) => {
  const found = /\.(ts|mjs|js)$/.test(file)
    ? wordsInCode(file, read(file))
    : /\.(md|ya?ml|lua)$/.test(file) && !file.startsWith("local/api/openapi/")
      ? wordsInPage(file, read(file))
      : [];
  return found.map(({ line, text, use }) => `${file}:${line}: "${text}". Write: ${use}.`);
});
const breaches = [...forbiddenImports(imports), ...circles(imports).map((circle) => `Import circle: ${circle}`), ...words];
for (const breach of breaches) console.log(breach);
process.exitCode = breaches.length > 0 ? 1 : 0;
