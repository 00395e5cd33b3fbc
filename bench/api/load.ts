/** A platform's worth of calls, read and write, as many under way at once as the server is to bear. */
import { Agent, request } from "node:http";

export const TOKEN = "bench";
export const IN_FLIGHT = 1_000;
export const CALLS = 10_000;
const CLUSTERS = 50;

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
  /** The one answer that is right. */
  readonly status: number;
}

export interface Client {
  /** @returns milliseconds from the request to the end of its answer. @throws an answer that is not the right one */
  send(call: Call): Promise<{ readonly ms: number; readonly body: unknown }>;
  close(): void;
}

export function clientOf(url: string): Client {
  const { port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT, maxFreeSockets: IN_FLIGHT });
  return {
    send: ({ method, path, body, status }) =>
      new Promise((resolve, reject) => {
        const began = performance.now();
        const sent = request({ agent, port, host: "127.0.0.1", method, path, headers: { authorization: `Bearer ${TOKEN}` } }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.once("end", () => {
            const text = Buffer.concat(chunks).toString("utf8");
            if (answer.statusCode !== status) reject(new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`));
            else resolve({ ms: performance.now() - began, body: text === "" ? undefined : JSON.parse(text) });
          });
        });
        sent.once("error", reject);
        sent.end(body && JSON.stringify(body));
      }),
    close: () => agent.destroy(),
  };
}

/** Fifty clusters with their databases, users, pools and rules. @returns their ids */
export async function furnish({ send }: Client): Promise<string[]> {
  return Promise.all(
    Array.from({ length: CLUSTERS }, async (_, number) => {
      const ask = { name: `pg-${number}`, engine: "pg", version: "17", region: "nyc3", size: "db-s-2vcpu-4gb", num_nodes: 1 };
      const made = await send({ method: "POST", path: "/v2/databases", body: ask, status: 201 });
      const { id } = (made.body as { database: { id: string } }).database;
      const add = (noun: string, body: object) => send({ method: "POST", path: `/v2/databases/${id}/${noun}`, body, status: 201 });
      for (const name of ["owner", "app", "readonly", "backup"]) await add("users", { name });
      for (const name of ["shop", "stock"]) await add("dbs", { name });
      await add("pools", { name: "web", db: "shop", user: "app", size: 10, mode: "transaction" });
      return id;
    }),
  );
}

/** What one worker asks over and over: seven reads, and three writes that leave things as they were. */
function rounds(ids: readonly string[], worker: number): readonly Call[] {
  const at = `/v2/databases/${ids[worker % ids.length]}`;
  const tag = `/v2/tags/tag-${worker}`;
  const read = (path: string): Call => ({ method: "GET", path, status: 200 });
  const rules = [{ type: "ip_addr", value: "10.0.0.0/8" }];
  return [
    ...["", "/users", "/dbs", "/pools", "/firewall", "/users/app"].map((path) => read(`${at}${path}`)),
    { method: "POST", path: "/v2/tags", body: { name: `tag-${worker}` }, status: 201 },
    { method: "PUT", path: `${at}/firewall`, body: { rules }, status: 204 },
    read(tag),
    { method: "DELETE", path: tag, status: 204 },
  ];
}

/** Ten thousand calls, a thousand under way at any time. @returns how long each took, once its connection stood */
export async function load({ send }: Client, ids: readonly string[], only?: Call): Promise<number[]> {
  const taken: number[] = [];
  const first = only ?? { method: "GET", path: "/v2/account", status: 200 };
  await Promise.all(Array.from({ length: IN_FLIGHT }, () => send(first)));
  const work = Array.from({ length: IN_FLIGHT }, async (_, worker) => {
    for (const call of rounds(ids, worker)) taken.push((await send(only ?? call)).ms);
  });
  await Promise.all(work);
  if (taken.length !== CALLS) throw new Error(`${taken.length} calls were answered, not ${CALLS}`);
  return taken;
}
