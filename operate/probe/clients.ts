/** Clients that work one step after the other, until they are stopped. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

export interface Clients {
  /** In a step: waits, or until the clients are stopped. */
  pause(milliseconds: number): Promise<void>;
  /** Resolves when each has ended the step that it is in. */
  stop(): Promise<void>;
}

/** @param step Of one client, which counts its steps from 0. */
export function startClients(count: number, step: (client: number, turn: number) => Promise<void>): Clients {
  const stopped = new AbortController();
  const { signal } = stopped;
  setMaxListeners(count, signal);
  // In the next turn, so that a step can use what this function returns.
  const running = Array.from({ length: count }, async (_, client) => {
    await Promise.resolve();
    for (let turn = 0; !signal.aborted; turn++) await step(client, turn);
  });
  return {
    pause: async (milliseconds) => await sleep(milliseconds, undefined, { signal }).catch(() => {}),
    async stop() {
      stopped.abort();
      await Promise.all(running);
    },
  };
}
