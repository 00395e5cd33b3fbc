/** Writes and reads again and again, as the users of a product do, and records what was acknowledged. `npm run soak` does it without a pause. */
import { startClients } from "../../probe/clients.ts";
import { openRecorder, type RequestKind } from "../../probe/recorder.ts";
import { send } from "../../probe/send.ts";

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

const EVERY_MS = Number(process.env.SLIPWAY_EVERY_MS ?? 10);

export function startProber(url: string, prefix: string): Prober {
  const acknowledged: string[] = [];
  const recorder = openRecorder();
  async function request(kind: RequestKind, method: string, path: string, expected: number): Promise<boolean> {
    const { status, text, milliseconds } = await send({ method, url: `${url}${path}` });
    const isGood = status === expected && text !== "";
    recorder.record(kind, milliseconds, isGood ? undefined : `${status ?? text}`);
    return isGood;
  }
  const clients = startClients(1, async (_, turn) => {
    const key = `${prefix}-${turn}`;
    if (await request("write", "POST", `/goods/${key}`, 201)) acknowledged.push(key);
    await request("read", "GET", "/goods", 200);
    await clients.pause(EVERY_MS);
  });
  return {
    async stop() {
      await clients.stop();
      return { acknowledged, ...recorder.read() };
    },
  };
}
