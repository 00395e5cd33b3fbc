/** Serves metrics over HTTP. Examinations are shared: requests at the same time, and those shortly after one, get the same answer. */
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Examination } from "../doctor/finding.ts";
import { CONTENT_TYPE, formatMetrics } from "./openmetrics.ts";

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  /** The bearer token that a request must send. @default none */
  readonly token?: string | undefined;
  /** How long an examination is reused. */
  readonly freshMs: number;
  examine(): Promise<readonly Examination[]>;
  onError(message: string): void;
}

export interface MetricsServer {
  /** "http://127.0.0.1:9464/metrics" */
  readonly url: string;
  close(): Promise<void>;
}

export async function serveMetrics({ host, port, token, freshMs, examine, onError }: ServeOptions): Promise<MetricsServer> {
  let last: { readonly at: number; readonly text: Promise<string> } | undefined;
  const read = (): Promise<string> => {
    if (last === undefined || Date.now() - last.at > freshMs) {
      const text = examine().then(formatMetrics);
      last = { at: Date.now(), text };
      text.catch(() => {
        last = undefined;
      });
    }
    return last.text;
  };
  const server = createServer((request, reply) => {
    const [path] = (request.url ?? "/").split("?");
    if (token !== undefined && !isSame(request.headers.authorization ?? "", `Bearer ${token}`))
      return void reply.writeHead(401, { "www-authenticate": "Bearer" }).end("A token is required.\n");
    if (path !== "/metrics") return void reply.writeHead(404).end("The metrics are at /metrics.\n");
    if (request.method !== "GET" && request.method !== "HEAD") return void reply.writeHead(405, { allow: "GET, HEAD" }).end();
    read().then(
      (text) => reply.writeHead(200, { "content-type": CONTENT_TYPE }).end(text),
      (error: Error) => {
        onError(error.message);
        reply.writeHead(503).end("The examination failed: see what slipway metrics prints.\n");
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Compared as digests, so that the time does not depend on the content. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(a!, b!);
}
