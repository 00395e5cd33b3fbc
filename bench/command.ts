/** Measures slipway's commands as whole processes, started through the launcher of the package. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { type Runner, summarize } from "./benchmark.ts";

const LAUNCHER = path.join(import.meta.dirname, "../bin/slipway.js");

export interface Sample {
  readonly ms: number;
  readonly processorMs?: number;
  readonly peakMiB?: number;
}

/** The process reports its resource usage through a pipe when it exits. No tool for this exists on every platform. */
const REPORT_USAGE = `data:text/javascript,${encodeURIComponent(
  `import { writeSync } from "node:fs"; process.on("exit", () => writeSync(3, JSON.stringify(process.resourceUsage())));`,
)}`;

export async function runCommand(...verb: readonly string[]): Promise<Sample> {
  const start = performance.now();
  const child = spawn(process.execPath, ["--import", REPORT_USAGE, LAUNCHER, ...verb], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  let errors = "";
  let usage = "";
  child.stderr?.on("data", (chunk) => {
    errors += String(chunk);
  });
  child.stdio[3]?.on("data", (chunk) => {
    usage += String(chunk);
  });
  const [code] = await once(child, "close");
  const ms = performance.now() - start;
  if (code !== 0) throw new Error(`slipway ${verb.join(" ")} failed:\n${errors}`);
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(usage) as NodeJS.ResourceUsage;
  return { ms, processorMs: (userCPUTime + systemCPUTime) / 1000, peakMiB: maxRSS / 1024 };
}

export function compareCommands(verbs: Readonly<Record<string, readonly string[]>>, runs: number): Promise<readonly Runner[]> {
  return compareRuns(Object.fromEntries(Object.entries(verbs).map(([name, verb]) => [name, () => runCommand(...verb)])), runs);
}

/** Alternates the runners, so that other work on the machine affects all of them equally. A first, uncounted run fills caches. */
export async function compareRuns(runners: Readonly<Record<string, () => Promise<Sample>>>, runs: number): Promise<readonly Runner[]> {
  const entries = Object.entries(runners).map(([name, run]) => ({ name, run, samples: [] as Sample[] }));
  for (const { run } of entries) await run();
  for (let round = 0; round < runs; round++) {
    for (const { run, samples } of entries) samples.push(await run());
  }
  return entries.map(({ name, samples }) => {
    const processor = samples.flatMap(({ processorMs }) => processorMs ?? []);
    const peaks = samples.flatMap(({ peakMiB }) => peakMiB ?? []);
    return {
      name,
      samples: samples.map(({ ms }) => ms),
      ...(processor.length > 0 && { processorMs: summarize(processor).median }),
      ...(peaks.length > 0 && { peakMiB: Math.max(...peaks) }),
    };
  });
}
