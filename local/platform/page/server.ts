/** Serves the status page: `slipway local status` as HTML, for users of this machine. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type PageData, renderPage } from "./html.ts";

export interface Page {
  readonly url: string;
  close(): void;
}

export async function openPage(port: number, readData: () => Promise<PageData>): Promise<Page> {
  const server = createServer(async (incoming, reply) => {
    // Refuses DNS rebinding: a page of another site whose name resolves to this machine.
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(incoming.headers.host ?? "")) return void reply.writeHead(403).end();
    if (incoming.url !== "/") return void reply.writeHead(404).end("Not found. The only page is /\n");
    if (incoming.method !== "GET" && incoming.method !== "HEAD")
      return void reply.writeHead(405, { allow: "GET, HEAD" }).end("Method not allowed. Use GET or HEAD.\n");
    try {
      const html = renderPage(await readData());
      reply.writeHead(200, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "cache-control": "no-store",
      });
      reply.end(html);
    } catch (error) {
      reply.writeHead(500, { "content-type": "text/plain; charset=utf-8" }).end(`${(error as Error).message}\n`);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
