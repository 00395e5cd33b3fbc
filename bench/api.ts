/** Load test of the local DigitalOcean API: 1,000 concurrent requests, 50 clusters, 10,000 calls per run. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { CALLS, type Client, createClient, createClusters, IN_FLIGHT, runCalls } from "./api/load.ts";
import type { Benchmark } from "./benchmark.ts";

const RUNS = 5;
const BASELINE = "plain Node HTTP server, p99";
const P99 = "slipway local api, p99";
const HEAP_EARLY = "heap after 10,000 calls";
const HEAP_LATE = "heap after 60,000 calls";

export const bench: Benchmark = {
  about: `${CALLS} calls of the local API, ${IN_FLIGHT} concurrent, with 50 clusters; every response is verified`,
  unit: "ms",
  async run() {
    const samples: Record<string, number[]> = { "slipway local api, median": [], [P99]: [], [BASELINE]: [] };
    const baselineCall = { method: "GET", path: "/", status: 200 };
    await withServer("api", async ({ client }) => {
      const ids = await createClusters(client);
      await withServer("baseline", async ({ client: baseline }) => {
        for (let run = 0; run <= RUNS; run++) {
          const [times, baselineTimes] = [await runCalls(client, ids), await runCalls(baseline, ids, baselineCall)];
          // The first run also compiles the code.
          if (run === 0) continue;
          samples["slipway local api, median"]?.push(quantile(times, 0.5));
          samples[P99]?.push(quantile(times, 0.99));
          samples[BASELINE]?.push(quantile(baselineTimes, 0.99));
        }
      });
    });
    return {
      runners: Object.entries(samples).map(([name, times]) => ({ name, samples: times })),
      targets: [{ runner: P99, comparedTo: BASELINE, atMost: 5 }],
    };
  },
};

/** Every run restores the state of the cloud, so growth of the heap is a leak. */
export const heap: Benchmark = {
  about: "heap of the local API after more calls",
  unit: "MiB",
  run: () =>
    withServer("api", async ({ client, heapMiB }) => {
      const ids = await createClusters(client);
      await runCalls(client, ids);
      const early = await heapMiB();
      for (let run = 0; run < RUNS; run++) await runCalls(client, ids);
      const late = await heapMiB();
      return {
        runners: [
          { name: HEAP_EARLY, samples: [early] },
          { name: HEAP_LATE, samples: [late] },
        ],
        targets: [{ runner: HEAP_LATE, comparedTo: HEAP_EARLY, atMost: 1.1 }],
      };
    }),
};

interface Server {
  readonly client: Client;
  heapMiB(): Promise<number>;
}

async function withServer<T>(kind: "api" | "baseline", work: (server: Server) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(path.join(tmpdir(), "slipway bench "));
  const child = fork(path.join(import.meta.dirname, "api/server.ts"), [kind, directory], { execArgv: ["--expose-gc"] });
  const { url } = await receiveMessage<{ url: string }>(child);
  const client = createClient(url);
  const heapMiB = async () => {
    child.send("heap");
    return (await receiveMessage<{ heapMiB: number }>(child)).heapMiB;
  };
  try {
    return await work({ client, heapMiB });
  } finally {
    client.close();
    const exited = once(child, "exit");
    child.disconnect();
    await exited;
    rmSync(directory, { recursive: true, force: true });
  }
}

async function receiveMessage<T>(child: ChildProcess): Promise<T> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the server exited with code ${code}`);
  });
  const [message] = (await Promise.race([once(child, "message"), ended])) as [T];
  ended.catch(() => {});
  return message;
}

function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}
