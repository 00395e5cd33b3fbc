/** Writes and reads without a pause, as the users of a product do, and records what was acknowledged. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Probed {
  /** The keys of the rows that the service has acknowledged. */
  readonly acknowledged: readonly string[];
  readonly requests: number;
  readonly failed: number;
  /** Between two requests that succeeded. */
  readonly longestGapMs: number;
}

export interface Prober {
  stop(): Promise<Probed>;
}

const PAUSE_MS = 2;

export function startProber(url: string, prefix: string): Prober {
  const acknowledged: string[] = [];
  let [requests, failed, longestGapMs] = [0, 0, 0];
  let last = performance.now();
  let isRunning = true;
  async function send(method: string, path: string, expected: number): Promise<boolean> {
    requests++;
    const isGood = await fetch(`${url}${path}`, { method }).then(
      async (response) => (await response.text()) !== "" && response.status === expected,
      () => false,
    );
    if (!isGood) failed++;
    else {
      longestGapMs = Math.max(longestGapMs, performance.now() - last);
      last = performance.now();
    }
    return isGood;
  }
  const running = (async () => {
    for (let n = 0; isRunning; n++) {
      const key = `${prefix}-${n}`;
      if (await send("POST", `/goods/${key}`, 201)) acknowledged.push(key);
      await send("GET", "/goods", 200);
      await sleep(PAUSE_MS);
    }
  })();
  return {
    async stop() {
      isRunning = false;
      await running;
      return { acknowledged, requests, failed, longestGapMs };
    },
  };
}
