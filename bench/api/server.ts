/**
 * Runs the local API, or a plain Node HTTP server as the baseline, in a separate process. Reports its URL, and on request its heap, over IPC.
 * Needs --expose-gc, so that the heap contains no garbage.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startApi } from "../../local/api/server.ts";
import { openCloud } from "../../local/cloud/open-cloud.ts";
import { recordOnly } from "../../local/cloud/record-only.ts";
import { TOKEN } from "./load.ts";

const [kind = "", directory = ""] = process.argv.slice(2);
const url =
  kind === "baseline"
    ? await startBaseline()
    : (await startApi({ cloud: await openCloud({ directory, backing: recordOnly }), token: TOKEN })).url;
process.send?.({ url });
process.on("message", () => {
  globalThis.gc?.();
  process.send?.({ heapMiB: process.memoryUsage().heapUsed / 2 ** 20 });
});
process.on("disconnect", () => process.exit());

/** Returns a constant response of typical size, without authentication, routing, state or disk access. */
async function startBaseline(): Promise<string> {
  const response = Buffer.from(JSON.stringify({ response: "x".repeat(1_000) }));
  const server = createServer(async (request, reply) => {
    for await (const _ of request);
    reply.writeHead(200, { "content-type": "application/json", "content-length": response.length }).end(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
