/** An app's public address: what App Platform's router does with a request, on one port of loopback. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { PLACEHOLDER_NOTE } from "./placeholder/answers.ts";

export interface Route {
  readonly prefix: string;
  /** Where the component listens; a site is served right here. */
  readonly to: { readonly port: number } | { readonly site: string };
}

export interface Ingress {
  readonly port: number;
  route(routes: readonly Route[]): void;
  close(): Promise<void>;
}

export async function openIngress(app: string, port: number): Promise<Ingress> {
  let routes: readonly Route[] = [];
  const server = createServer((asked, reply) => {
    const path = asked.url ?? "/";
    const route = routes.find(({ prefix }) => path.startsWith(prefix));
    if (!route) return say(reply, 503, `${app} is not deployed yet.`);
    if ("site" in route.to) return page(reply, app, route.to.site);
    pass(asked, reply, route.to.port);
  });
  await listening(server, port);
  return {
    port,
    route(next) {
      routes = [...next].sort((a, b) => b.prefix.length - a.prefix.length);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

function pass(asked: IncomingMessage, reply: ServerResponse, port: number): void {
  const onward = request(
    { host: "127.0.0.1", port, method: asked.method, path: asked.url, headers: { ...asked.headers, "x-forwarded-for": "127.0.0.1" } },
    (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(reply);
    },
  );
  onward.once("error", (error) =>
    reply.headersSent ? reply.destroy() : say(reply, 502, `The component does not answer: ${error.message}`),
  );
  asked.pipe(onward);
}

function say(reply: ServerResponse, status: number, text: string): void {
  reply.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n(${PLACEHOLDER_NOTE}.)\n`);
}

function page(reply: ServerResponse, app: string, site: string): void {
  reply
    .writeHead(200, { "content-type": "text/html; charset=utf-8" })
    .end(`<!doctype html><html lang="en"><title>${app}</title><h1>${app}: ${site}</h1><p>${PLACEHOLDER_NOTE}.</p></html>\n`);
}
