/** Clients that work one step after the other, until they are stopped. */

export interface Clients {
  /** Resolves when each has ended the step that it is in. */
  stop(): Promise<void>;
}

/** @param step Of one client, which counts its steps from 0. */
export function startClients(count: number, step: (client: number, turn: number) => Promise<void>): Clients {
  let isStopped = false;
  const running = Array.from({ length: count }, async (_, client) => {
    for (let turn = 0; !isStopped; turn++) await step(client, turn);
  });
  return {
    async stop() {
      isStopped = true;
      await Promise.all(running);
    },
  };
}
