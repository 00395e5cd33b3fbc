/** An HTTP proxy in front of an S3 store that fails as stores and networks do. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Fault =
  | { readonly kind: "status"; readonly status: number; readonly code: string }
  /** Ends the connection after so many bytes of the request's body. */
  | { readonly kind: "cut-upload"; readonly after: number }
  /** Ends the connection after so many bytes of the reply's body. */
  | { readonly kind: "cut-download"; readonly after: number }
  /** Changes a byte of the reply's body. */
  | { readonly kind: "flip"; readonly at: number }
  | { readonly kind: "slow"; readonly ms: number };

export interface FaultyProxy {
  readonly url: string;
  readonly requests: string[];
  /** Decides on each request; undefined: no fault. */
  fault: (method: string, path: string, count: number) => Fault | undefined;
  close(): Promise<void>;
}

export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const { port } = new URL(target);
  const requests: string[] = [];
  const server = createServer((message, response) => {
    const { method = "GET", url = "/" } = message;
    requests.push(`${method} ${url}`);
    const fault = proxy.fault(method, url, requests.length);
    void forward(message, response, fault);
  });

  async function forward(message: IncomingMessage, response: ServerResponse, fault: Fault | undefined): Promise<void> {
    if (fault?.kind === "slow") await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (fault?.kind === "status") {
      message.resume();
      response.writeHead(fault.status, { "content-type": "application/xml" });
      response.end(`<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>planted</Message></Error>`);
      return;
    }
    // The signature covers the host that the client sees.
    const forwarded = request({ host: "127.0.0.1", port, method: message.method, path: message.url, headers: message.headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 500, reply.headers);
      let sent = 0;
      reply.on("data", (chunk: Buffer) => {
        if (fault?.kind === "flip" && sent <= fault.at && fault.at < sent + chunk.length)
          chunk[fault.at - sent] = chunk[fault.at - sent]! ^ 1;
        sent += chunk.length;
        if (fault?.kind === "cut-download" && sent > fault.after) response.destroy();
        else response.write(chunk);
      });
      reply.on("end", () => response.end());
    });
    forwarded.on("error", () => response.destroy());
    let received = 0;
    message.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (fault?.kind === "cut-upload" && received > fault.after) {
        message.destroy();
        forwarded.destroy();
      } else forwarded.write(chunk);
    });
    message.on("end", () => forwarded.end());
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: FaultyProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fault: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return proxy;
}
