/** `proof.ts [--check] report.json`: writes into the requirements page what the run of that report has proved, or only compares. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findings, PAGE, rebuilt, summary } from "./page.ts";
import { misplacedIds, type Report, testsOf } from "./tests.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

function main(args: readonly string[]): number {
  const report = args.find((arg) => !arg.startsWith("--"));
  if (report === undefined || !existsSync(report)) {
    console.error("There is no report of a test run to compare with. Type: npm run proof");
    return 1;
  }
  const run = JSON.parse(readFileSync(report, "utf8")) as Report;
  const tests = testsOf(run, root);
  const path = join(root, PAGE);
  const before = readFileSync(path, "utf8");
  const page = args.includes("--check") ? before : rebuilt(before, tests);
  if (page !== before) writeFileSync(path, page);

  const wrong = [
    ...findings(page, tests),
    ...misplacedIds(run).map((title) => `The group "${title}" carries ids; put them at the end of the title of the test that proves them.`),
  ];
  for (const line of wrong) console.error(line);
  console.log(summary(page, tests));
  return wrong.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
