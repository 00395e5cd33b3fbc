/** Measures how long the local platform takes to start until every service is healthy, as whole processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Benchmark } from "./benchmark.ts";

const RUNS = 5;
const COLD = "cold: new state, downloads cached";
const WARM = "warm: after down";
const AGAIN = "again: already running";
const LIMITS = { [COLD]: 8_000, [WARM]: 2_000 } as const;

export const bench: Benchmark = {
  about: "slipway local up: three systems on real servers, until everything is healthy",
  unit: "ms",
  async run() {
    const samples: Record<string, number[]> = { [COLD]: [], [WARM]: [], [AGAIN]: [] };
    let peakMiB = 0;
    // A first run downloads the servers, which is not measured.
    await withEmptyState(async (state) => void (await measure("up", state)));
    for (let run = 0; run < RUNS; run++) {
      await withEmptyState(async (state) => {
        samples[COLD]?.push(await measure("up", state));
        samples[AGAIN]?.push(await measure("up", state));
        peakMiB = Math.max(peakMiB, measureMemory(state));
        await measure("down", state);
        samples[WARM]?.push(await measure("up", state));
      });
    }
    return {
      runners: [
        ...Object.entries(samples).map(([name, times]) => ({ name, samples: times, ...(name === AGAIN && { peakMiB }) })),
        ...Object.entries(LIMITS).map(([name, limit]) => ({ name: nameLimit(name), samples: [limit] })),
      ],
      targets: Object.keys(LIMITS).map((name) => ({ runner: name, comparedTo: nameLimit(name), atMost: 1 })),
    };
  },
};

const nameLimit = (name: string): string => `limit, ${name.slice(0, name.indexOf(":"))}`;

async function withEmptyState(work: (state: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "slipway bench "));
  const state = path.join(folder, ".slipway");
  try {
    await work(state);
  } finally {
    await measure("down", state);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(verb: "up" | "down", state: string): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "local/up.ts"), verb, state], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const errors: string[] = [];
  child.stderr.on("data", (chunk) => errors.push(String(chunk)));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`slipway local ${verb} failed:\n${errors.join("")}`);
  return performance.now() - start;
}

/** Sums the proportional set size of every process of the platform; 0 if the system does not report it. */
function measureMemory(state: string): number {
  try {
    return readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid))
      .reduce((sum, pid) => sum + readProcessMemory(pid, state), 0);
  } catch {
    return 0;
  }
}

function readProcessMemory(pid: string, state: string): number {
  try {
    const names = ["cmdline", "environ"].map((name) => readFileSync(`/proc/${pid}/${name}`, "utf8")).join("");
    if (!names.includes(state)) return 0;
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
