/**
 * `npm run mutants`: changes the code of a room in one place at a time and runs the tests that cover it. A change that no test notices is printed:
 * a promise that nothing verifies. `npm run mutants -- settings catalog` runs these rooms, `npm run mutants -- settings/budget.ts`
 * these files, `--sample 200` that many mutants of each. Exit code 0: every room reaches its score and every survivor has an explanation, 1: not, 2: bad input.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BREAK_SCHEMA, start } from "../sql/database.ts";
import type { systems } from "../sql/systems.ts";
import { ACCEPTED } from "./accepted.ts";
import { EQUIVALENT } from "./equivalent.ts";
import { explains } from "./explanation.ts";
import { type Baseline, JOB, type Job, type Outcome, ROOT, type Trial } from "./job.ts";
import { type Mutant, mutantsOf } from "./operators.ts";
import { groupByRoom, listFiles, ROOMS, roomOf, systemOf, testsOf } from "./rooms.ts";
import { schemaMutantsOf } from "./schema-objects.ts";
import { printScores, type Result, TYPE_CHECK } from "./scores.ts";
import { typeChecker } from "./types.ts";

const WORKERS = Math.min(availableParallelism(), 4);
/** A process keeps every version of a module that it loaded. */
const TRIALS_PER_PROCESS = 60;
/** What a test file may take without a mutant. */
const BASELINE_LIMIT_MS = 150_000;
/** On a mutant: so much, and several times what the slowest one takes without it, so that another load of the machine kills no mutant. */
const LEAST_LIMIT_MS = 10_000;
const TIMES_AS_SLOW = 4;
/** Without a new line for so much longer, a process is in a loop that its own limit cannot end. */
const GRACE_MS = 5_000;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options: { sample: { type: "string" } } });
  const targets = positionals.length > 0 ? positionals : [...ROOMS];
  const unknown = targets.filter((target) => roomOf(target) === undefined);
  const sample = values.sample === undefined ? Number.POSITIVE_INFINITY : Number(values.sample);
  if (unknown.length > 0 || !(sample > 0)) {
    console.error(
      unknown.length > 0
        ? `There is no room or file ${unknown.join(", ")}. Rooms: ${ROOMS.join(", ")}`
        : "--sample takes a positive number",
    );
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), "slipway-mutants-"));
  try {
    const results = new Map<string, readonly Result[]>();
    for (const [room, files] of groupByRoom(targets)) results.set(room, await testRoom(room, files, sample, folder));
    return printScores(results, { equivalent: EQUIVALENT, accepted: ACCEPTED });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param files only these, if there are any */
async function testRoom(room: string, files: readonly string[], sample: number, folder: string): Promise<Result[]> {
  const baselines = await runBaselines(testsOf(room), folder);
  const failed = baselines.filter(({ failure }) => failure !== undefined);
  for (const { test, failure } of failed) console.error(`${test} is left out, it fails without a mutant: ${failure}`);
  const usable = baselines.filter(({ failure }) => failure === undefined).sort((a, b) => a.ms - b.ms);
  const mutants = (await listMutants(room)).filter(({ file }) => files.length === 0 || files.includes(file));
  reportUnmatched(mutants);
  const importersOf = indexImporters(usable);
  const trials = takeEvenly(mutants, sample).map((mutant, id) => trialOf(id, mutant, usable, importersOf));
  console.error(`${room}: ${trials.length} of ${mutants.length} mutants, ${usable.length} test files`);
  const slowestMs = Math.max(0, ...usable.map(({ ms }) => ms));
  const killedBy = await runTrials(trials, LEAST_LIMIT_MS + TIMES_AS_SLOW * slowestMs, folder);
  const isRefused = typeChecker();
  return trials.map(({ id, mutant, tests }) => ({
    mutant,
    covered: tests.length > 0,
    killedBy: killedBy.get(id) ?? (isRefused(mutant) ? TYPE_CHECK : undefined),
  }));
}

/** The entry of a line that has changed explains nothing. */
function reportUnmatched(mutants: readonly Mutant[]): void {
  const files = new Set(mutants.map(({ file }) => file));
  for (const [list, explanations] of Object.entries({ "equivalent.ts": EQUIVALENT, "accepted.ts": ACCEPTED }))
    for (const explanation of explanations)
      if (files.has(explanation.file) && !mutants.some((mutant) => explains(explanation, mutant)))
        console.error(`tests/mutants/${list}: no mutant of ${explanation.file} matches the entry for "${explanation.line}"`);
}

async function listMutants(room: string): Promise<Mutant[]> {
  const system = systemOf(room);
  if (system === undefined) return listFiles(room).flatMap((file) => mutantsOf(file, readFileSync(join(ROOT, file), "utf8")));
  const server = await start(15);
  try {
    return await schemaMutantsOf(system, await server.database(system as keyof typeof systems));
  } finally {
    await server.stop();
  }
}

async function runBaselines(tests: readonly string[], folder: string): Promise<Baseline[]> {
  const chunks = Array.from({ length: WORKERS }, (_, worker) => tests.filter((_, index) => index % WORKERS === worker));
  const all = chunks.map(async (chunk, index) => {
    const results = join(folder, `baseline-${index}`);
    await runJob({ kind: "baseline", results, limitMs: BASELINE_LIMIT_MS, tests: chunk }, folder);
    return readLines<Baseline>(results);
  });
  return (await Promise.all(all)).flat();
}

type FindImporters = (file: string) => readonly string[];

function trialOf(id: number, mutant: Mutant, baselines: readonly Baseline[], importersOf: FindImporters): Trial {
  const ofSchema = mutant.statement !== undefined;
  const tests = baselines.filter(({ covered }) => ofSchema || hasRun(covered[mutant.file], mutant.start)).map(({ test }) => test);
  return { id, mutant, tests, reloaded: ofSchema ? [] : importersOf(mutant.file) };
}

/** @returns the files that import a file, themselves or through others, and the file itself. Many mutants share a file, so each is found once. */
function indexImporters(baselines: readonly Baseline[]): FindImporters {
  const direct = new Map<string, Set<string>>();
  for (const [importer, imported] of baselines.flatMap(({ edges }) => edges))
    direct.set(imported, (direct.get(imported) ?? new Set()).add(importer));
  const known = new Map<string, readonly string[]>();
  return (target) => {
    const earlier = known.get(target);
    if (earlier) return earlier;
    const found = new Set([target]);
    for (const file of found) for (const importer of direct.get(file) ?? []) found.add(importer);
    known.set(target, [...found]);
    return [...found];
  };
}

/** The smallest range around a position says whether it ran. */
function hasRun(ranges: Baseline["covered"][string] | undefined, at: number): boolean {
  const around = (ranges ?? []).filter(([start, end]) => start <= at && at < end);
  const smallest = around.sort((a, b) => a[1] - a[0] - (b[1] - b[0]))[0];
  return smallest?.[2] ?? false;
}

/** @returns by a trial's id what killed its mutant. */
async function runTrials(trials: readonly Trial[], limitMs: number, folder: string): Promise<Map<number, string>> {
  const killedBy = new Map<number, string>();
  const queue = trials.filter(({ tests }) => tests.length > 0);
  let done = 0;
  const work = async (worker: number) => {
    for (let chunk = queue.splice(0, TRIALS_PER_PROCESS); chunk.length > 0; chunk = queue.splice(0, TRIALS_PER_PROCESS)) {
      let left = chunk;
      while (left.length > 0) {
        const results = join(folder, `trials-${worker}-${left[0]?.id}`);
        await runJob({ kind: "mutants", results, limitMs, trials: left }, folder);
        const outcomes = readLines<Outcome>(results);
        const finished = new Set(outcomes.flatMap((outcome) => ("started" in outcome ? [] : [outcome.id])));
        for (const outcome of outcomes) if ("killedBy" in outcome && outcome.killedBy) killedBy.set(outcome.id, outcome.killedBy);
        // The process ended in the middle of this one: the mutant loops, or ended it.
        const broken = outcomes.find((outcome) => "started" in outcome && !finished.has(outcome.id));
        if (broken) killedBy.set(broken.id, "the process of the tests");
        if (!broken && finished.size === 0) throw new Error("The tests of a mutant did not start. Run with SLIPWAY_MUTANTS_OUTPUT=1.");
        left = left.filter(({ id }) => !finished.has(id) && id !== broken?.id);
      }
      done += chunk.length;
      console.error(`  ${done} of ${trials.length}, ${killedBy.size} killed`);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  return killedBy;
}

function runJob(job: Job, folder: string): Promise<void> {
  const path = join(folder, `job-${Math.random().toString(36).slice(2)}.json`);
  writeFileSync(path, JSON.stringify(job));
  const output = process.env.SLIPWAY_MUTANTS_OUTPUT ? "inherit" : "ignore";
  const child = spawn(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "--config", "tests/mutants/vitest.config.ts"], {
    cwd: ROOT,
    env: { ...process.env, [JOB]: path, [BREAK_SCHEMA]: "{}" },
    stdio: ["ignore", output, output],
    detached: true,
  });
  let [size, since] = [0, performance.now()];
  const watch = setInterval(() => {
    const now = statSync(job.results, { throwIfNoEntry: false })?.size ?? 0;
    if (now !== size) [size, since] = [now, performance.now()];
    else if (performance.now() - since > job.limitMs + GRACE_MS && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, 1000);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", () => {
      clearInterval(watch);
      resolve();
    });
  });
}

function readLines<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

function takeEvenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, index) => items[Math.floor((index * items.length) / count)]!);
}

process.exitCode = await main(process.argv.slice(2)).catch((error: Error & { code?: string }) => {
  if (!error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
  console.error(error.message);
  return 2;
});
