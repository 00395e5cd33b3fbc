/** `npm test`: runs types, lint, tests and the check of the requirements page, all of them even if one fails, and prints one total. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { run } from "./child.mjs";
import { print, UserError } from "./output.mjs";

const TYPES = ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "."];
const LINT = ["node_modules/@biomejs/biome/bin/biome", "check"];
const VITEST = ["node_modules/vitest/vitest.mjs", "run"];
const PROOF = ["tests/proof/proof.ts"];

/** With arguments, runs only those tests: `npm test -- engine` passes them to vitest. */
export async function checks({ root, node, args }) {
  const some = args.length > 0;
  const { COUNTS_FILE: counts } = process.env;
  delete process.env.COUNTS_FILE; // a test that runs this function has a total of its own
  const results = [];
  let skipped = [];
  const check = async (name, about, command) => {
    print(`\n── ${name}: ${about}`);
    const start = Date.now();
    const code = await run(node, command, { cwd: root });
    if (code > 128) throw new UserError(`Stopped during ${name}.`);
    const result = { name, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, seconds: (Date.now() - start) / 1000 };
    results.push(result);
    return result;
  };

  await withReportFile(async (report) => {
    if (!some) {
      await check("types", "tsc --noEmit", TYPES);
      await check("lint", "biome check", LINT);
    }
    const tests = await check("tests", ["vitest run", ...args].join(" "), [...VITEST, ...reporterFlags(report), ...args]);
    Object.assign(tests, count(report, tests.failed === 0));
    skipped = groupSkippedTests(report);
    if (!some) await check("proof", "docs/requirements.md against these tests", [...PROOF, "--check", report]);
  });

  const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
  // Programs read the last line, so it contains only these two numbers. Skipped tests are listed above.
  const totals = `${total("passed")} passed, ${total("failed")} failed`;
  printSkipped(skipped);
  print("");
  for (const result of results) print(`${result.name.padEnd(7)} ${formatCounts(result)}, ${result.seconds.toFixed(0)} s`);
  print(totals);
  if (counts) fs.writeFileSync(counts, `${totals}\n`);
  return total("failed") === 0 ? 0 : 1;
}

/** `npm run proof`: runs the tests and updates docs/requirements.md with the requirements they prove. `-- --check` only compares. */
export async function proof({ root, node, args }) {
  return withReportFile(async (report) => {
    const tests = await run(node, [...VITEST, ...reporterFlags(report)], { cwd: root });
    const page = await run(node, [...PROOF, ...args, report], { cwd: root });
    return tests || page;
  });
}

async function withReportFile(work) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "slipway-tests-"));
  try {
    return await work(path.join(dir, "report.json"));
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

const reporterFlags = (report) => ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];

/** A file that fails to load counts as one failure, and so does a failed run in which every test passed. */
export function count(report, succeeded) {
  const files = filesIn(report);
  const tests = testsIn(report);
  const passed = tests.filter((test) => test.status === "passed").length;
  const broken = files.filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")).length;
  const failed = tests.filter((test) => test.status === "failed").length + broken;
  return { passed, failed: failed === 0 && !succeeded ? 1 : failed, skipped: tests.length - passed - (failed - broken) };
}

const filesIn = (report) => (fs.existsSync(report) ? JSON.parse(fs.readFileSync(report, "utf8")).testResults : []);
const testsIn = (report) => filesIn(report).flatMap((file) => file.assertionResults);

/** Groups skipped tests by reason, the most frequent first. tests/skip.ts records the reasons. */
function groupSkippedTests(report) {
  const groups = new Map();
  for (const test of testsIn(report).filter(({ status }) => status !== "passed" && status !== "failed")) {
    const { reason = `no reason given: ${test.fullName}`, enable } = test.meta?.skipReason ?? {};
    const group = groups.get(reason) ?? { reason, enable, tests: 0 };
    groups.set(reason, { ...group, tests: group.tests + 1 });
  }
  return [...groups.values()].sort((a, b) => b.tests - a.tests);
}

function printSkipped(groups) {
  if (groups.length === 0) return;
  print("\nSkipped on this machine:");
  for (const { reason, enable, tests } of groups) {
    print(`  ${tests} ${tests === 1 ? "test" : "tests"}: ${reason}.`);
    if (enable) print(`    To run ${tests === 1 ? "it" : "them"}: ${enable}`);
  }
}

const formatCounts = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
