/** DigitalOcean's API on loopback under load: a thousand requests under way, fifty clusters in it, ten thousand calls a run. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { CALLS, type Client, clientOf, furnish, IN_FLIGHT, load } from "./api/load.ts";
import type { Bench } from "./race.ts";

const RUNS = 5;
const BARE = "a bare Node server, p99";
const P99 = "slipway local api, p99";
const EARLY = "heap after the first 10,000 calls";
const LATE = "heap after five times as many";

export const bench: Bench = {
  about: `${CALLS} calls of the local API with ${IN_FLIGHT} under way, fifty clusters in it, every answer the right one`,
  unit: "ms",
  async run() {
    const samples: Record<string, number[]> = { "slipway local api, median": [], [P99]: [], [BARE]: [] };
    const floor = { method: "GET", path: "/", status: 200 };
    await onServer("api", async ({ client }) => {
      const ids = await furnish(client);
      await onServer("bare", async ({ client: bare }) => {
        for (let run = 0; run <= RUNS; run++) {
          const [taken, least] = [await load(client, ids), await load(bare, ids, floor)];
          // The first one also compiles the code of both.
          if (run === 0) continue;
          samples["slipway local api, median"]?.push(quantile(taken, 0.5));
          samples[P99]?.push(quantile(taken, 0.99));
          samples[BARE]?.push(quantile(least, 0.99));
        }
      });
    });
    return {
      runners: Object.entries(samples).map(([name, taken]) => ({ name, samples: taken })),
      targets: [{ runner: P99, comparedTo: BARE, atMost: 5 }],
    };
  },
};

/** Every run leaves the cloud as it found it, so whatever the heap gains is kept for nothing. */
export const leak: Bench = {
  about: "what the local API still holds after its calls",
  unit: "MiB",
  run: () =>
    onServer("api", async ({ client, heapMiB }) => {
      const ids = await furnish(client);
      await load(client, ids);
      const early = await heapMiB();
      for (let run = 0; run < RUNS; run++) await load(client, ids);
      const late = await heapMiB();
      return {
        runners: [
          { name: EARLY, samples: [early] },
          { name: LATE, samples: [late] },
        ],
        targets: [{ runner: LATE, comparedTo: EARLY, atMost: 1.1 }],
      };
    }),
};

interface Server {
  readonly client: Client;
  heapMiB(): Promise<number>;
}

async function onServer<T>(kind: "api" | "bare", work: (server: Server) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(path.join(tmpdir(), "slipway bench "));
  const child = fork(path.join(import.meta.dirname, "api/server.ts"), [kind, directory], { execArgv: ["--expose-gc"] });
  const { url } = await said<{ url: string }>(child);
  const client = clientOf(url);
  const heapMiB = async () => {
    child.send("heap");
    return (await said<{ heapMiB: number }>(child)).heapMiB;
  };
  try {
    return await work({ client, heapMiB });
  } finally {
    client.close();
    const gone = once(child, "exit");
    child.disconnect();
    await gone;
    rmSync(directory, { recursive: true, force: true });
  }
}

async function said<T>(child: ChildProcess): Promise<T> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the server ended with ${code}`);
  });
  const [message] = (await Promise.race([once(child, "message"), ended])) as [T];
  ended.catch(() => {});
  return message;
}

function quantile(taken: readonly number[], part: number): number {
  const sorted = [...taken].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
