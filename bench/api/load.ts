/** Concurrent read and write calls to the local API. */
import { Agent, request } from "node:http";

export const TOKEN = "bench";
export const IN_FLIGHT = 1_000;
export const CALLS = 10_000;
const CLUSTERS = 50;

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** The expected status. */
  readonly status: number;
}

export interface Client {
  /** @returns milliseconds from the request to the end of the response. @throws if the status is not the expected one */
  send(call: Call): Promise<{ readonly ms: number; readonly body: unknown }>;
  close(): void;
}

export function createClient(url: string): Client {
  const { port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT, maxFreeSockets: IN_FLIGHT });
  return {
    send: ({ method, path, body, status }) =>
      new Promise((resolve, reject) => {
        const start = performance.now();
        const sent = request(
          { agent, port, host: "127.0.0.1", method, path, headers: { authorization: `Bearer ${TOKEN}` } },
          (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk));
            response.once("end", () => {
              const text = Buffer.concat(chunks).toString("utf8");
              if (response.statusCode !== status) reject(new Error(`${method} ${path} returned ${response.statusCode}: ${text}`));
              else resolve({ ms: performance.now() - start, body: text === "" ? undefined : JSON.parse(text) });
            });
          },
        );
        sent.once("error", reject);
        sent.end(body && JSON.stringify(body));
      }),
    close: () => agent.destroy(),
  };
}

/** Creates 50 clusters with users, databases and a pool. @returns their ids */
export async function createClusters({ send }: Client): Promise<string[]> {
  return Promise.all(
    Array.from({ length: CLUSTERS }, async (_, number) => {
      const cluster = { name: `pg-${number}`, engine: "pg", version: "17", region: "nyc3", size: "db-s-2vcpu-4gb", num_nodes: 1 };
      const created = await send({ method: "POST", path: "/v2/databases", body: cluster, status: 201 });
      const { id } = (created.body as { database: { id: string } }).database;
      const add = (noun: string, body: object) => send({ method: "POST", path: `/v2/databases/${id}/${noun}`, body, status: 201 });
      for (const name of ["owner", "app", "readonly", "backup"]) await add("users", { name });
      for (const name of ["shop", "stock"]) await add("dbs", { name });
      await add("pools", { name: "web", db: "shop", user: "app", size: 10, mode: "transaction" });
      return id;
    }),
  );
}

/** The calls of one worker: seven reads, and three writes that restore the state. */
function createCalls(ids: readonly string[], worker: number): readonly Call[] {
  const cluster = `/v2/databases/${ids[worker % ids.length]}`;
  const tag = `/v2/tags/tag-${worker}`;
  const read = (path: string): Call => ({ method: "GET", path, status: 200 });
  const rules = [{ type: "ip_addr", value: "10.0.0.0/8" }];
  return [
    ...["", "/users", "/dbs", "/pools", "/firewall", "/users/app"].map((path) => read(`${cluster}${path}`)),
    { method: "POST", path: "/v2/tags", body: { name: `tag-${worker}` }, status: 201 },
    { method: "PUT", path: `${cluster}/firewall`, body: { rules }, status: 204 },
    read(tag),
    { method: "DELETE", path: tag, status: 204 },
  ];
}

/** Sends 10,000 calls, 1,000 at a time, over open connections. @returns milliseconds per call */
export async function runCalls({ send }: Client, ids: readonly string[], only?: Call): Promise<number[]> {
  const times: number[] = [];
  const first = only ?? { method: "GET", path: "/v2/account", status: 200 };
  await Promise.all(Array.from({ length: IN_FLIGHT }, () => send(first)));
  const work = Array.from({ length: IN_FLIGHT }, async (_, worker) => {
    for (const call of createCalls(ids, worker)) times.push((await send(only ?? call)).ms);
  });
  await Promise.all(work);
  if (times.length !== CALLS) throw new Error(`${times.length} calls completed instead of ${CALLS}`);
  return times;
}
