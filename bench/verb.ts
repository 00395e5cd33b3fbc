/** One verb of slipway as a whole process, by the launcher that people use. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { figuresOf, type Runner } from "./race.ts";

const LAUNCHER = path.join(import.meta.dirname, "../bin/slipway.js");

export interface Sample {
  readonly ms: number;
  readonly processorMs: number;
  readonly peakMiB: number;
}

/** The process tells what it used at its end, on a pipe of its own: no tool for it is on every machine. */
const TELL_USAGE = `data:text/javascript,${encodeURIComponent(
  `import { writeSync } from "node:fs"; process.on("exit", () => writeSync(3, JSON.stringify(process.resourceUsage())));`,
)}`;

export async function runVerb(...verb: readonly string[]): Promise<Sample> {
  const start = performance.now();
  const child = spawn(process.execPath, ["--import", TELL_USAGE, LAUNCHER, ...verb], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const said: string[] = [];
  let told = "";
  child.stderr?.on("data", (chunk) => said.push(String(chunk)));
  child.stdio[3]?.on("data", (chunk) => {
    told += String(chunk);
  });
  const [code] = await once(child, "close");
  const ms = performance.now() - start;
  if (code !== 0) throw new Error(`slipway ${verb.join(" ")} failed:\n${said.join("")}`);
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(told) as NodeJS.ResourceUsage;
  return { ms, processorMs: (userCPUTime + systemCPUTime) / 1000, peakMiB: maxRSS / 1024 };
}

/** In turns, so that a busy moment of the machine hits all of them; once before, to have compiled what is compiled. */
export async function raceVerbs(verbs: Readonly<Record<string, readonly string[]>>, runs: number): Promise<readonly Runner[]> {
  const runners = Object.entries(verbs);
  const samples = new Map(runners.map(([name]) => [name, [] as Sample[]]));
  for (const [, verb] of runners) await runVerb(...verb);
  for (let run = 0; run < runs; run++) {
    for (const [name, verb] of runners) samples.get(name)?.push(await runVerb(...verb));
  }
  return [...samples].map(([name, taken]) => ({
    name,
    samples: taken.map(({ ms }) => ms),
    processorMs: figuresOf(taken.map(({ processorMs }) => processorMs)).median,
    peakMiB: Math.max(...taken.map(({ peakMiB }) => peakMiB)),
  }));
}
