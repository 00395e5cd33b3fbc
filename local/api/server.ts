import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { finished } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { PAGE_PATH, PROJECT_HEADER, PROJECT_PATH, projectId } from "../../catalog/local-api.ts";
import { LOGS_PATH, readLog } from "../cloud/apps/logs.ts";
import { ApiError, notFound } from "../cloud/core/api-error.ts";
import type { Cloud } from "../cloud/open-cloud.ts";
import { createFaults, FaultRequest, type Faults, withPendingState } from "./faults.ts";
import { noContent, ok, parseBody, type Reply, readBody } from "./request.ts";
import { createRouter, type Lookup } from "./router.ts";
import { routes } from "./routes/index.ts";
import { isSpacesRequest } from "./s3/address.ts";
import { handleSpacesRequest } from "./s3/spaces.ts";

export interface ApiOptions {
  readonly cloud: Cloud;
  /** The bearer token that clients must send. */
  readonly token: string;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** The folder of the Pulumi project to which this API belongs; every reply has its id in a header. @default none */
  readonly project?: string;
  /** @default 0, a free port */
  readonly port?: number;
  /** PEM key and certificate for https. The official Python client sends its token only over https. @default http */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Called after each reply. Entries have no query, headers or body, so they contain no secrets. @default none */
  readonly log?: (entry: LogEntry) => void;
}

export interface LogEntry {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  /** No route matches: the request is wrong, or the API does not implement it. */
  readonly unknown: boolean;
}

export interface Api {
  /** `http://127.0.0.1:4010`, without `/v2`: the value for `DIGITALOCEAN_API_URL`. */
  readonly url: string;
  readonly faults: Faults;
  /** The address of the platform's status page, to which `PAGE_PATH` leads. @default none: the API runs alone */
  page?: string;
  /** Accepts no more connections, waits until running requests are answered, then closes all connections. The cloud stays open. */
  close(): Promise<void>;
}

const HOURLY_LIMIT = 5000;
const CLOSE_WITHIN_MS = 10_000;
/** For a client that stops sending in the middle of its headers. A body may take five minutes, Node's default: uploads to Spaces are large. */
const HEADERS_WITHIN_MS = 20_000;
const MAX_CONNECTIONS = 2048;
/** Longer than Go's clients keep an idle connection (90 s): with Node's default of 5 s a POST could meet a connection that is just being closed. */
const KEEP_ALIVE_MS = 120_000;
const lookUp = createRouter(routes);

/** Serves DigitalOcean's API v2 and Spaces on one port. */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { cloud, token, host = "127.0.0.1", port = 0, tls, project, log = () => {} } = options;
  const projectHeader = project === undefined ? {} : { [PROJECT_HEADER]: projectId(project) };
  const faults = createFaults();
  const expected = digest(`Bearer ${token}`);
  const pending = new Set<Promise<void>>();

  const onRequest = (message: IncomingMessage, response: ServerResponse) => {
    const startedAt = performance.now();
    const path = pathOf(message);
    const task = handle(message, response, path)
      .catch((error: unknown) => {
        cloud.note(`${message.method} ${path}: ${(error as Error).message}`);
        response.destroy();
        return { status: 0, unknown: false };
      })
      .then(async (outcome) => {
        // A reply counts as sent once the client has it or is gone.
        await finished(response).catch(() => {});
        log({ method: message.method ?? "", path, ...outcome, milliseconds: Math.round(performance.now() - startedAt) });
      })
      .finally(() => pending.delete(task));
    pending.add(task);
  };
  const limits = { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_WITHIN_MS };
  const server = tls ? createHttpsServer({ ...limits, key: tls.key, cert: tls.cert }, onRequest) : createHttpServer(limits, onRequest);
  server.maxConnections = MAX_CONNECTIONS;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (socket.writable) socket.end(`HTTP/1.1 ${CLIENT_ERRORS[error.code ?? ""] ?? "400 Bad Request"}\r\nconnection: close\r\n\r\n`);
  });

  async function handle(message: IncomingMessage, response: ServerResponse, path: string): Promise<Outcome> {
    if (isSpacesRequest(message)) return { status: await handleSpacesRequest(cloud, message, response), unknown: false };

    const id = randomUUID();
    response.setHeader("x-request-id", id);
    for (const [name, value] of Object.entries(projectHeader)) response.setHeader(name, value);
    response.setHeader("ratelimit-limit", HOURLY_LIMIT);
    response.setHeader("ratelimit-remaining", HOURLY_LIMIT - 1);
    response.setHeader("ratelimit-reset", Math.floor(cloud.now() / 1000) + 3600);
    let reply: Reply;
    let unknown = false;
    let matching: ReturnType<Faults["take"]> = [];
    const hasFault = (name: string, value: unknown) => matching.some((fault) => (fault as Record<string, unknown>)[name] === value);
    try {
      if (path !== PROJECT_PATH && path !== PAGE_PATH && !path.startsWith(LOGS_PATH)) authenticate(message);
      const body = await readBody(message);
      const isControl = path.startsWith("/_slipway/");
      if (!isControl) matching = faults.take(message.method ?? "", path);
      for (const fault of matching) {
        if ("delayMs" in fault) await wait(fault.delayMs);
        if ("answer" in fault) throw faultError(fault.answer, fault.retryAfterSeconds, response);
      }
      if (hasFault("drop", "before-commit")) return closeConnection(response, unknown);
      const lookup = lookUp(message.method ?? "", path);
      unknown = "allowed" in lookup && !isControl;
      reply = isControl ? await handleControl(message.method ?? "", path, body, response) : await dispatch(lookup, message, body, response);
      if (hasFault("stuck", true)) reply = withPendingState(reply);
      await cloud.store.saved();
    } catch (error) {
      reply = errorReply(error, id, cloud);
    }
    if (hasFault("drop", "after-commit")) return closeConnection(response, unknown);
    if (hasFault("reply", "half")) return sendHalf(response, reply, unknown);
    send(response, hasFault("reply", "empty") ? { status: reply.status } : reply);
    return { status: reply.status, unknown };
  }

  function authenticate(message: IncomingMessage): void {
    const given = digest(message.headers.authorization ?? "");
    if (!timingSafeEqual(given, expected)) throw new ApiError(401, "Unauthorized", "Unable to authenticate you");
  }

  async function dispatch(lookup: Lookup, message: IncomingMessage, body: Buffer, response: ServerResponse): Promise<Reply> {
    if ("allowed" in lookup) {
      if (lookup.allowed.length === 0) throw notFound("The resource you requested could not be found.");
      response.setHeader("allow", lookup.allowed.join(", "));
      throw new ApiError(405, "method_not_allowed", `This resource answers ${lookup.allowed.join(", ")}.`);
    }
    const url = new URL(`${origin}${targetOf(message)}`);
    return await lookup.found.handle({
      cloud,
      params: lookup.found.params,
      query: url.searchParams,
      url,
      body: (schema) => parseBody(body, schema),
    });
  }

  async function handleControl(method: string, path: string, body: Buffer, response: ServerResponse): Promise<Reply> {
    const isRead = method === "GET" || method === "HEAD";
    if (path.startsWith(LOGS_PATH) && isRead) return { status: 200, text: await readLog(cloud, path) };
    if (path === PROJECT_PATH && isRead) return noContent;
    if (path === PAGE_PATH && isRead) {
      if (running.page === undefined)
        throw notFound("This API runs without the local platform, which has the page. Start it: npx slipway local up");
      response.setHeader("location", running.page);
      return { status: 302 };
    }
    if (path !== "/_slipway/faults") throw notFound("The resource you requested could not be found.");
    if (method === "POST") faults.add(parseBody(body, FaultRequest));
    else if (method === "DELETE") faults.clear();
    else if (method !== "GET") throw new ApiError(405, "method_not_allowed", "This resource answers GET, POST, DELETE.");
    return method === "DELETE" ? noContent : ok({ faults: faults.list() });
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const origin = `${tls ? "https" : "http"}://${host}:${(server.address() as AddressInfo).port}`;

  const running: Api = {
    url: origin,
    faults,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await Promise.race([Promise.all(pending), wait(CLOSE_WITHIN_MS, undefined, { ref: false })]);
      server.closeAllConnections();
      await closed;
    },
  };
  return running;
}

const CLIENT_ERRORS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

/** Tokens are compared as digests, so that the comparison time does not depend on length or content. */
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** A proxied request has the absolute URL in its request line; drop scheme and host. */
const targetOf = (message: IncomingMessage): string => (message.url ?? "/").replace(/^https?:\/\/[^/]+/, "");
const pathOf = (message: IncomingMessage): string => targetOf(message).split(/[?#]/)[0]!;

const IDS: Readonly<Record<number, string>> = { 404: "not_found", 429: "too_many_requests", 500: "server_error" };
const MESSAGES: Readonly<Record<number, string>> = { 429: "API Rate limit exceeded.", 500: "Unexpected server-side error" };

function faultError(status: number, retryAfterSeconds: number | undefined, response: ServerResponse): ApiError {
  if (status === 429) response.setHeader("ratelimit-remaining", 0);
  if (retryAfterSeconds !== undefined || status === 429) response.setHeader("retry-after", retryAfterSeconds ?? 1);
  return new ApiError(status, IDS[status] ?? "server_error", MESSAGES[status] ?? "The resource you were accessing could not be found.");
}

function errorReply(error: unknown, request_id: string, cloud: Cloud): Reply {
  if (error instanceof ApiError) return { status: error.status, body: { id: error.id, message: error.message, request_id } };
  cloud.note(`request ${request_id} failed: ${(error as Error).message}`);
  return { status: 500, body: { id: "server_error", message: (error as Error).message, request_id } };
}

interface Outcome {
  /** 0 if the client received no complete reply. */
  readonly status: number;
  readonly unknown: boolean;
}

function closeConnection(response: ServerResponse, unknown: boolean): Outcome {
  response.destroy();
  return { status: 0, unknown };
}

function sendHalf(response: ServerResponse, { status, body }: Reply, unknown: boolean): Outcome {
  const bytes = Buffer.from(JSON.stringify(body ?? {}));
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "content-length": bytes.length });
  response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  return { status: 0, unknown };
}

function send(response: ServerResponse, { status, body, text }: Reply): void {
  if (text !== undefined) {
    const bytes = Buffer.from(text);
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": bytes.length }).end(bytes);
    return;
  }
  if (body === undefined) {
    // 204 has no body. For other statuses, content-length 0 keeps the connection alive.
    response.writeHead(status, status === 204 ? {} : { "content-length": 0 }).end();
    return;
  }
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "content-length": bytes.length }).end(bytes);
}
