/**
 * The API in a process of its own, or a bare server of Node's as the floor. Says where it is over IPC, and how large its heap is when asked.
 * Run with --expose-gc: what nobody holds any more is no leak.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startApi } from "../../local/api/server.ts";
import { openCloud } from "../../local/cloud/open-cloud.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { TOKEN } from "./load.ts";

const [kind = "", directory = ""] = process.argv.slice(2);
const url =
  kind === "bare" ? await bare() : (await startApi({ cloud: await openCloud({ directory, backing: recordOnly }), token: TOKEN })).url;
process.send?.({ url });
process.on("message", () => {
  globalThis.gc?.();
  process.send?.({ heapMiB: process.memoryUsage().heapUsed / 2 ** 20 });
});
process.on("disconnect", () => process.exit());

/** Reads what it is sent and answers a constant of a usual answer's size: no token, no route, no state, no disk. */
async function bare(): Promise<string> {
  const answer = Buffer.from(JSON.stringify({ answer: "x".repeat(1_000) }));
  const server = createServer(async (asked, reply) => {
    for await (const _ of asked);
    reply.writeHead(200, { "content-type": "application/json", "content-length": answer.length }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
