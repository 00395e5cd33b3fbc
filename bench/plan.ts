/** What planning the whole platform costs over planning nothing: whole processes, by the same launcher and recorder. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { type Bench, figuresOf, type Runner } from "./race.ts";

const ROOT = path.join(import.meta.dirname, "..");
const LAUNCHER = path.join(ROOT, "bin/slipway.js");
const RUNS = 11;

const EMPTY = "an empty program";
const WHOLE = "three systems, prod";

export const bench: Bench = {
  about: "slipway plan --stack prod --json, whole process, compile cache warm",
  unit: "ms",
  async run() {
    const runners = [
      { name: EMPTY, directory: path.join(import.meta.dirname, "fixtures/empty") },
      { name: WHOLE, directory: ROOT },
    ];
    const samples = new Map(runners.map(({ name }) => [name, [] as Sample[]]));
    for (const { directory } of runners) await planned(directory);
    // In turns, so that a busy moment of the machine hits both.
    for (let run = 0; run < RUNS; run++) {
      for (const { name, directory } of runners) samples.get(name)?.push(await planned(directory));
    }
    return {
      runners: [...samples].map(([name, taken]): Runner => {
        return {
          name,
          samples: taken.map(({ ms }) => ms),
          processorMs: figuresOf(taken.map(({ processorMs }) => processorMs)).median,
          peakMiB: Math.max(...taken.map(({ peakMiB }) => peakMiB)),
        };
      }),
      targets: [{ runner: WHOLE, comparedTo: EMPTY, atMost: 1.5 }],
    };
  },
};

interface Sample {
  readonly ms: number;
  readonly processorMs: number;
  readonly peakMiB: number;
}

/** The process tells what it used at its end, on a pipe of its own: no tool for it is on every machine. */
const TELL_USAGE = `data:text/javascript,${encodeURIComponent(
  `import { writeSync } from "node:fs"; process.on("exit", () => writeSync(3, JSON.stringify(process.resourceUsage())));`,
)}`;

async function planned(directory: string): Promise<Sample> {
  const argv = ["--import", TELL_USAGE, LAUNCHER, "plan", "--stack", "prod", "--json", "--cwd", directory];
  const start = performance.now();
  const child = spawn(process.execPath, argv, { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const said: string[] = [];
  let told = "";
  child.stderr?.on("data", (chunk) => said.push(String(chunk)));
  child.stdio[3]?.on("data", (chunk) => {
    told += String(chunk);
  });
  const [code] = await once(child, "close");
  const ms = performance.now() - start;
  if (code !== 0) throw new Error(`slipway plan failed in ${directory}:\n${said.join("")}`);
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(told) as NodeJS.ResourceUsage;
  return { ms, processorMs: (userCPUTime + systemCPUTime) / 1000, peakMiB: maxRSS / 1024 };
}
