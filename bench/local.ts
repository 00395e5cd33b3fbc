/** How long the whole platform takes to stand on this machine: whole processes, every service asked for its health at the end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Bench } from "./race.ts";

const RUNS = 5;
const COLD = "cold: from nothing, downloads at hand";
const WARM = "warm: after down";
const AGAIN = "again: it runs already";
const LIMITS = { [COLD]: 8_000, [WARM]: 2_000 } as const;

export const bench: Bench = {
  about: "slipway local up: three systems on real servers, until everything is healthy",
  unit: "ms",
  async run() {
    const samples: Record<string, number[]> = { [COLD]: [], [WARM]: [], [AGAIN]: [] };
    let peakMiB = 0;
    // What is downloaded once on a machine is no part of it.
    await inFreshPlace(async (state) => void (await timed("up", state)));
    for (let run = 0; run < RUNS; run++) {
      await inFreshPlace(async (state) => {
        samples[COLD]?.push(await timed("up", state));
        samples[AGAIN]?.push(await timed("up", state));
        peakMiB = Math.max(peakMiB, memoryOf(state));
        await timed("down", state);
        samples[WARM]?.push(await timed("up", state));
      });
    }
    return {
      runners: [
        ...Object.entries(samples).map(([name, taken]) => ({ name, samples: taken, ...(name === AGAIN && { peakMiB }) })),
        ...Object.entries(LIMITS).map(([name, limit]) => ({ name: limitOf(name), samples: [limit] })),
      ],
      targets: Object.keys(LIMITS).map((name) => ({ runner: name, comparedTo: limitOf(name), atMost: 1 })),
    };
  },
};

const limitOf = (name: string): string => `limit, ${name.slice(0, name.indexOf(":"))}`;

async function inFreshPlace(work: (state: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "slipway bench "));
  const state = path.join(folder, ".slipway");
  try {
    await work(state);
  } finally {
    await timed("down", state);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timed(verb: "up" | "down", state: string): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "local/up.ts"), verb, state], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  child.stderr.on("data", (chunk) => said.push(String(chunk)));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`slipway local ${verb} failed:\n${said.join("")}`);
  return performance.now() - began;
}

/** Of every process of the place, memory that several share divided among them; 0 where the system does not tell. */
function memoryOf(state: string): number {
  try {
    return readdirSync("/proc")
      .filter((pid) => /^\d+$/.test(pid))
      .reduce((sum, pid) => sum + memoryOfProcess(pid, state), 0);
  } catch {
    return 0;
  }
}

function memoryOfProcess(pid: string, state: string): number {
  try {
    const names = ["cmdline", "environ"].map((name) => readFileSync(`/proc/${pid}/${name}`, "utf8")).join("");
    if (!names.includes(state)) return 0;
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
