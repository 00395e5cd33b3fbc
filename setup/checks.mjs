/** `npm test`: types, lint, tests and the proof of the requirements page, all of them even where one fails, and one count at the end. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { run } from "./child.mjs";
import { Plain, say } from "./say.mjs";

const TYPES = ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "."];
const LINT = ["node_modules/@biomejs/biome/bin/biome", "check"];
const VITEST = ["node_modules/vitest/vitest.mjs", "run"];
const PROOF = ["tests/proof/proof.ts"];

/** With arguments: only those tests, as vitest reads them (`npm test -- engine`). Without: everything. */
export async function checks({ root, node, args }) {
  const some = args.length > 0;
  const { COUNTS_FILE: counts } = process.env;
  delete process.env.COUNTS_FILE; // a test that runs this again counts for itself
  const results = [];
  let skipped = [];
  const check = async (name, about, command) => {
    say(`\n── ${name}: ${about}`);
    const since = Date.now();
    const code = await run(node, command, { cwd: root });
    if (code > 128) throw new Plain(`Stopped during ${name}.`);
    const done = { name, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, seconds: (Date.now() - since) / 1000 };
    results.push(done);
    return done;
  };

  await withReport(async (report) => {
    if (!some) {
      await check("types", "tsc --noEmit", TYPES);
      await check("lint", "biome check", LINT);
    }
    const tests = await check("tests", ["vitest run", ...args].join(" "), [
      ...VITEST,
      ...reporters(report),
      ...(some ? args : ["--coverage", "--coverage.reportOnFailure"]),
    ]);
    Object.assign(tests, count(report, tests.failed === 0));
    skipped = skippedTests(report);
    if (!some) await check("proof", "docs/requirements.md against these tests", [...PROOF, "--check", report]);
  });

  const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
  // The last line is these two numbers and nothing else, for a program that reads it; skipped tests are listed above it.
  const sum = `${total("passed")} passed, ${total("failed")} failed`;
  printSkipped(skipped);
  say("");
  for (const result of results) say(`${result.name.padEnd(7)} ${counted(result)}, ${result.seconds.toFixed(0)} s`);
  say(sum);
  if (counts) fs.writeFileSync(counts, `${sum}\n`);
  return total("failed") === 0 ? 0 : 1;
}

/** `npm run proof`: runs the tests and writes into docs/requirements.md what they prove; `-- --check` only compares. */
export async function proof({ root, node, args }) {
  return withReport(async (report) => {
    const tests = await run(node, [...VITEST, ...reporters(report)], { cwd: root });
    const page = await run(node, [...PROOF, ...args, report], { cwd: root });
    return tests || page;
  });
}

async function withReport(work) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "slipway-tests-"));
  try {
    return await work(path.join(dir, "report.json"));
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

const reporters = (report) => ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];

/** A file that would not load is one failure, and so is a run that failed though every test in it passed. */
export function count(report, endedWell) {
  const files = filesIn(report);
  const tests = testsIn(report);
  const passed = tests.filter((test) => test.status === "passed").length;
  const broken = files.filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")).length;
  const failed = tests.filter((test) => test.status === "failed").length + broken;
  return { passed, failed: failed === 0 && !endedWell ? 1 : failed, skipped: tests.length - passed - (failed - broken) };
}

const filesIn = (report) => (fs.existsSync(report) ? JSON.parse(fs.readFileSync(report, "utf8")).testResults : []);
const testsIn = (report) => filesIn(report).flatMap((file) => file.assertionResults);

/** Tests that did not run, by reason, the most frequent first (tests/skip.ts records why). */
function skippedTests(report) {
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
  say("\nSkipped on this machine:");
  for (const { reason, enable, tests } of groups) {
    say(`  ${tests} ${tests === 1 ? "test" : "tests"}: ${reason}.`);
    if (enable) say(`    To run ${tests === 1 ? "it" : "them"}: ${enable}`);
  }
}

const counted = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
