/**
 * Clients of an app that send one request after the other, each on a connection of its own, until they are stopped. They pause between two, because
 * clients without a pause take the processor from what they are to watch; `npm run soak` runs them without one.
 */
import { startClients } from "../operate/probe/clients.ts";
import { openRecorder } from "../operate/probe/recorder.ts";
import { send } from "../operate/probe/send.ts";

export interface Load {
  /** Stops the clients after the requests that they have. */
  stop(): Promise<LoadResult>;
  /** The requests that were answered so far. */
  count(): number;
}

export interface LoadResult {
  readonly requests: number;
  /** What was not 200, by its text. */
  readonly failures: Readonly<Record<string, number>>;
  readonly slowestMs: number;
}

const EVERY_MS = Number(process.env.SLIPWAY_EVERY_MS ?? 20);

export function startLoad(urls: readonly string[], clientsEach: number): Load {
  const recorder = openRecorder();
  const clients = startClients(urls.length * clientsEach, async (client) => {
    const { status, text, milliseconds } = await send({ url: urls[client % urls.length]! });
    recorder.record("read", milliseconds, status === 200 ? undefined : `${status ?? ""} ${text.slice(0, 300)}`.trim());
    await clients.pause(EVERY_MS);
  });
  return {
    count: recorder.count,
    async stop() {
      await clients.stop();
      return recorder.read();
    },
  };
}
