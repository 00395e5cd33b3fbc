/** Clients of an app that send one request after the other, each on a connection of its own, until they are stopped. */
import { request } from "node:http";

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

export function startLoad(urls: readonly string[], clientsEach: number): Load {
  const failures: Record<string, number> = {};
  let isStopped = false;
  let requests = 0;
  let slowestMs = 0;
  const clients = urls.flatMap((url) => Array.from({ length: clientsEach }, () => client(url)));

  async function client(url: string): Promise<void> {
    while (!isStopped) {
      const start = performance.now();
      const answer = await send(url);
      slowestMs = Math.max(slowestMs, performance.now() - start);
      requests++;
      if (answer !== "200") failures[answer] = (failures[answer] ?? 0) + 1;
    }
  }

  return {
    count: () => requests,
    async stop() {
      isStopped = true;
      await Promise.all(clients);
      return { requests, failures, slowestMs: Math.round(slowestMs) };
    },
  };
}

function send(url: string): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(url, { agent: false, timeout: 20_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part));
      response.once("end", () => resolve(response.statusCode === 200 ? "200" : `${response.statusCode} ${text.slice(0, 300)}`));
      response.once("error", (error) => resolve(error.message));
    });
    sent.once("timeout", () => sent.destroy(new Error("no answer within 20 seconds")));
    sent.once("error", (error) => resolve(error.message));
    sent.end();
  });
}
