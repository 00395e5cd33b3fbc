/**
 * A small client of DigitalOcean's API that only reads: pages, bounded retries, and errors that name the next step. What `../fork` writes, it sends with the
 * same transport.
 */
import { setTimeout as wait } from "node:timers/promises";
import { RecoverError } from "./error.ts";

export interface ApiOptions {
  /** Without `/v2`: "https://api.digitalocean.com". */
  readonly endpoint: string;
  readonly token: string;
  /** @default process's timers */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

export interface ApiClient {
  /** @returns undefined for a 404. */
  get(path: string): Promise<Json | undefined>;
  /** Every page of a list; an empty list for a 404. @param key The list's key in the reply. */
  list(path: string, key: string): Promise<readonly Json[]>;
  /** The same, for what not every engine of a cluster has: also empty where the API refuses the request as one for another engine. */
  listIfSupported(path: string, key: string): Promise<readonly Json[]>;
}

export type Json = Readonly<Record<string, unknown>>;

const NOT_FOUND = [404];
/** What DigitalOcean answers to a request for users of an engine without users differs from engine to engine. */
const NOT_SUPPORTED = [...NOT_FOUND, 400, 405, 412, 422];
export const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const TIMEOUT_MS = 30_000;
const PER_PAGE = 200;
/** More pages than any account has; ends a list whose pages repeat. */
const MOST_PAGES = 500;

export interface Reply {
  readonly ok: boolean;
  readonly status: number;
  readonly retryAfter: string | null;
  /** "" for an error, unless it was requested. */
  readonly body: string;
}

export interface ApiRequest {
  /** @default "GET" */
  readonly method?: string;
  readonly path: string;
  readonly body?: Json;
  /** Whether the body of an error is read. That of a GET is not, because only its status matters. @default false */
  readonly readsErrors?: boolean;
}

export function openApi({ endpoint, token, pause = wait }: ApiOptions): ApiClient {
  return {
    get: (path) => get(path),
    list: (path, key) => list(path, key, NOT_FOUND),
    listIfSupported: (path, key) => list(path, key, NOT_SUPPORTED),
  };

  /** @param absent Answers that mean that there is nothing. */
  async function get(path: string, absent: readonly number[] = NOT_FOUND): Promise<Json | undefined> {
    for (let attempt = 1; ; attempt++) {
      const reply = await sendRequest({ endpoint, token }, { path });
      const isLast = attempt === ATTEMPTS;
      if (typeof reply === "string") {
        if (isLast) throw new RecoverError(`No reply from ${endpoint} after ${attempt} attempts (${reply}). ${CHECK_ENDPOINT}`);
        await pause(pauseAfter(attempt, null));
      } else {
        if (reply.ok) return parse(reply.body, path);
        if (absent.includes(reply.status)) return undefined;
        if (!isTemporary(reply.status) || isLast) throw errorOf(reply.status, { endpoint, request: `GET ${path}`, attempts: attempt });
        await pause(pauseAfter(attempt, reply.retryAfter));
      }
    }
  }

  async function list(path: string, key: string, absent: readonly number[]): Promise<readonly Json[]> {
    const found: Json[] = [];
    for (let page = 1; page <= MOST_PAGES; page++) {
      const body = await get(`${path}?page=${page}&per_page=${PER_PAGE}`, absent);
      const items = body?.[key];
      if (Array.isArray(items)) found.push(...items);
      const { pages } = (body?.links ?? {}) as { pages?: { next?: string } };
      if (pages?.next === undefined) break;
    }
    return found;
  }

  function parse(text: string, path: string): Json {
    // The body may hold passwords: no error repeats it.
    const wrong = () => new RecoverError(`GET ${path} at ${endpoint} did not return JSON. ${CHECK_ENDPOINT}`);
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      throw wrong();
    }
    if (typeof body === "object" && body !== null) return body as Json;
    throw wrong();
  }
}

/** @returns the whole reply, or in words why there is none: the connection may end in the middle of the body. */
export async function sendRequest(
  { endpoint, token }: Pick<ApiOptions, "endpoint" | "token">,
  { method = "GET", path, body, readsErrors = false }: ApiRequest,
): Promise<Reply | string> {
  try {
    const response = await fetch(`${endpoint.replace(/\/+$/, "")}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json",
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { ok, status, headers } = response;
    const isRead = ok || readsErrors;
    if (!isRead) await response.body?.cancel();
    return { ok, status, retryAfter: headers.get("retry-after"), body: isRead ? await response.text() : "" };
  } catch (error) {
    const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
    return cause?.code ?? message;
  }
}

export interface Refused {
  readonly endpoint: string;
  /** "GET /v2/databases" */
  readonly request: string;
  readonly attempts: number;
}

export function errorOf(status: number, { endpoint, request, attempts }: Refused): RecoverError {
  const what = `${endpoint} answered ${status} to ${request}`;
  if (status === 401)
    return new RecoverError(
      `${what}: the token is not valid. Create one in the control panel (API → Tokens), then type: pulumi config set --secret digitalocean:token`,
    );
  if (status === 403)
    return new RecoverError(
      `${what}: the token lacks a scope that this needs. docs/deploy.md lists the scopes; create a token that has them.`,
    );
  if (status === 429) return new RecoverError(`${what} ${attempts} times: the rate limit of the account is used up. Try again in an hour.`);
  return new RecoverError(`${what}${attempts > 1 ? ` ${attempts} times` : ""}. See https://status.digitalocean.com, and try again.`);
}

const CHECK_ENDPOINT = "Check digitalocean:apiEndpoint of the stack, DIGITALOCEAN_API_URL and the network.";

export const isTemporary = (status: number): boolean => status === 429 || status >= 500;

export function pauseAfter(attempt: number, retryAfter: string | null): number {
  const seconds = Number(retryAfter ?? Number.NaN);
  const pause = Number.isFinite(seconds) ? seconds * 1000 : FIRST_PAUSE_MS * 2 ** (attempt - 1);
  return Math.min(LONGEST_PAUSE_MS, Math.max(0, pause));
}
