/** The same as `slipway local status`, to look at, for whoever sits at this machine. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type PageData, renderPage } from "./html.ts";

export interface Page {
  readonly url: string;
  close(): void;
}

export async function openPage(port: number, look: () => Promise<PageData>): Promise<Page> {
  const server = createServer(async (asked, reply) => {
    // A name that a stranger's page made resolve to this machine is not an address of this page.
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(asked.headers.host ?? "")) return void reply.writeHead(403).end();
    if (asked.url !== "/") return void reply.writeHead(404).end("There is one page here: /\n");
    if (asked.method !== "GET" && asked.method !== "HEAD")
      return void reply.writeHead(405, { allow: "GET, HEAD" }).end("This page can be read: GET or HEAD /\n");
    try {
      const html = renderPage(await look());
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
