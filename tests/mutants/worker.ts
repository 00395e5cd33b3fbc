/** Runs test files on the code as it is, or on its mutants, in one process: see run.ts, which starts it through vitest. */
import { appendFileSync, readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { basename, join } from "node:path";
import { it } from "vitest";
import { BREAK_SCHEMA } from "../sql/database.ts";
import { collect, firstFailure } from "./collector.ts";
import { type Baseline, JOB, type Job, type Outcome, type Range, ROOT, type Trial } from "./job.ts";
import { edgesSoFar, importVersion, repositoryFile } from "./loader.ts";
import type { Mutant } from "./operators.ts";

it("runs its job", async () => {
  const job = JSON.parse(readFileSync(process.env[JOB] ?? "", "utf8")) as Job;
  const write = (line: Baseline | Outcome) => appendFileSync(job.results, `${JSON.stringify(line)}\n`);
  if (job.kind === "baseline") for (const test of job.tests) write(await baselineOf(test, job.limitMs));
  else
    for (const trial of job.trials) {
      const killedBy = await tryMutant(trial, job.limitMs, () => write({ id: trial.id, started: true }));
      write({ id: trial.id, ...(killedBy === undefined ? {} : { killedBy }) });
    }
});

async function baselineOf(test: string, limitMs: number): Promise<Baseline> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  const version = `baseline-${test}`;
  const start = performance.now();
  const failure = await runFile(test, limitMs, { version });
  const ms = performance.now() - start;
  const { result } = await session.post("Profiler.takePreciseCoverage");
  session.disconnect();

  const covered: Record<string, Range[]> = {};
  for (const { url, functions } of result) {
    const file = repositoryFile(url);
    if (file === undefined || new URL(url).searchParams.get("mutant") !== version) continue;
    covered[file] = functions.flatMap(({ ranges }) => ranges.map((range): Range => [range.startOffset, range.endOffset, range.count > 0]));
  }
  return { test, ms, covered, edges: edgesSoFar(), ...(failure === undefined ? {} : { failure }) };
}

/** @param onStart called before each test file, so that the parent knows that this process is alive */
async function tryMutant({ id, mutant, tests, reloaded }: Trial, limitMs: number, onStart: () => void): Promise<string | undefined> {
  const loading = { version: String(id), ...(mutant.statement === undefined ? { mutated: mutatedText(mutant) } : {}) };
  if (mutant.statement !== undefined)
    process.env[BREAK_SCHEMA] = JSON.stringify({ system: basename(mutant.file), statement: mutant.statement });
  for (const test of tests) {
    onStart();
    const failure = await runFile(test, limitMs, { ...loading, reloaded: new Set([...reloaded, test]) });
    if (failure !== undefined) return `${test}: ${failure}`;
  }
  return undefined;
}

function mutatedText({ file, start, end, replacement }: Mutant) {
  const text = readFileSync(join(ROOT, file), "utf8");
  return { file, text: text.slice(0, start) + replacement + text.slice(end) };
}

/** @returns why the file's tests fail, if they do. */
async function runFile(test: string, limitMs: number, loading: Parameters<typeof importVersion>[1]): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`runs longer than ${limitMs / 1000} s`)), limitMs);
  });
  try {
    const run = async () => firstFailure(await collect(() => importVersion(test, loading)));
    return await Promise.race([run(), limit]);
  } catch (error) {
    return `does not load: ${(error as Error).message.split("\n", 1)[0]}`;
  } finally {
    clearTimeout(timer);
  }
}
