/**
 * An address on one loopback port. That of an app routes requests to its components, as App Platform's router does; that of a service passes them to the
 * process that answers at the moment.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { PLACEHOLDER_NOTE } from "./placeholder/answers.ts";

export interface Route {
  readonly prefix: string;
  /** The port of the component; for a static site its name, and the ingress serves a page for it. */
  readonly to: { readonly port: number } | { readonly site: string };
}

export interface Ingress {
  readonly port: number;
  route(routes: readonly Route[]): void;
  /** Resolves when no request to these ports is in progress, or after the timeout. */
  finish(ports: readonly number[], timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function openIngress(app: string, port: number): Promise<Ingress> {
  let routes: readonly Route[] = [];
  const inProgress = new Map<number, number>();
  const count = (port: number, change: 1 | -1) => inProgress.set(port, (inProgress.get(port) ?? 0) + change);
  const server = createServer((incoming, reply) => {
    const path = incoming.url ?? "/";
    const route = routes.find(({ prefix }) => path.startsWith(prefix));
    if (!route) return sendText(reply, 503, `${app} is not deployed yet.`);
    if ("site" in route.to) return sendSitePage(reply, app, route.to.site);
    const { port: to } = route.to;
    count(to, 1);
    reply.once("close", () => count(to, -1));
    forward(incoming, reply, to);
  });
  await listen(server, port);
  return {
    port,
    route(next) {
      routes = [...next].sort((a, b) => b.prefix.length - a.prefix.length);
    },
    async finish(ports, timeoutMs) {
      const isBusy = () => ports.some((busy) => (inProgress.get(busy) ?? 0) > 0);
      for (const until = Date.now() + timeoutMs; isBusy() && Date.now() < until; ) await sleep(5);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

function forward(incoming: IncomingMessage, reply: ServerResponse, port: number): void {
  const outgoing = request(
    {
      host: "127.0.0.1",
      port,
      method: incoming.method,
      path: incoming.url,
      // The component may close an idle connection at the moment in which it is used again.
      agent: false,
      headers: { ...incoming.headers, "x-forwarded-for": "127.0.0.1" },
    },
    (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    },
  );
  outgoing.once("error", (error) =>
    reply.headersSent ? reply.destroy() : sendText(reply, 502, `The component does not answer: ${error.message}`),
  );
  incoming.pipe(outgoing);
}

function sendText(reply: ServerResponse, status: number, text: string): void {
  reply.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n(${PLACEHOLDER_NOTE}.)\n`);
}

function sendSitePage(reply: ServerResponse, app: string, site: string): void {
  reply
    .writeHead(200, { "content-type": "text/html; charset=utf-8" })
    .end(`<!doctype html><html lang="en"><title>${app}</title><h1>${app}: ${site}</h1><p>${PLACEHOLDER_NOTE}.</p></html>\n`);
}
