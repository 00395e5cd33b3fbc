/** A client of GitHub's API for comments: one repository, retries, and a message for each error. */
import { setTimeout as sleep } from "node:timers/promises";

/** Why no comment was posted, with the remedy. */
export class PostError extends Error {
  override readonly name = "PostError";
}

export interface Account {
  /** `owner/name`. Every call goes to this repository. */
  readonly repository: string;
  readonly token: string;
  /** @default "https://api.github.com" */
  readonly api?: string;
  /** @default `/graphql` of the API */
  readonly graphql?: string;
}

export interface GitHub {
  readonly repository: string;
  /** @param path relative to the repository: `/issues/7/comments` */
  call<T>(method: "GET" | "POST" | "PATCH", path: string, body?: unknown): Promise<T>;
  /** Reads all pages of a list. */
  list<T>(path: string): Promise<T[]>;
  query<T>(query: string, variables?: Readonly<Record<string, unknown>>): Promise<T>;
}

const PAGE = 100;
/** Ten thousand entries: more than GitHub returns for one pull request. */
const MOST_PAGES = 100;
const ATTEMPTS = 5;
const MOST_SECONDS_TO_WAIT = 60;
const ANSWER_MS = 30_000;

/** @param wait in milliseconds; tests replace it */
export function github({ repository, token, api = "https://api.github.com", graphql = `${api}/graphql` }: Account, wait = sleep): GitHub {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new PostError(`GITHUB_REPOSITORY is "${repository}". Expected: owner/name.`);
  for (const url of [api, graphql]) checkAddress(url);

  async function request<T>(method: string, url: string, body?: unknown): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const answer = await send(method, url, body);
      if (typeof answer !== "string" && answer.ok) return (await answer.json()) as T;
      const delay = typeof answer === "string" ? 2 ** attempt : secondsToWait(answer, attempt);
      if (delay === undefined || attempt === ATTEMPTS) throw await refusal(method, url, answer);
      if (typeof answer !== "string") await answer.body?.cancel();
      await wait(Math.min(delay, MOST_SECONDS_TO_WAIT) * 1000);
    }
  }

  /** @returns the response, or the error message if there is none */
  async function send(method: string, url: string, body: unknown): Promise<Response | string> {
    try {
      return await fetch(url, {
        method,
        headers: {
          accept: "application/vnd.github+json",
          authorization: `Bearer ${token}`,
          "x-github-api-version": "2022-11-28",
          "user-agent": "slipway",
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // A redirect must not receive the token.
        redirect: "error",
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch (error) {
      const { cause, message } = error as Error;
      return cause instanceof Error ? cause.message : message;
    }
  }

  const call = <T>(method: string, path: string, body?: unknown) => request<T>(method, `${api}/repos/${repository}${path}`, body);

  return {
    repository,
    call,
    async list<T>(path: string): Promise<T[]> {
      const all: T[] = [];
      for (let page = 1; page <= MOST_PAGES; page++) {
        const some = await call<T[]>("GET", `${path}${path.includes("?") ? "&" : "?"}per_page=${PAGE}&page=${page}`);
        all.push(...some);
        if (some.length < PAGE) break;
      }
      return all;
    },
    async query<T>(query: string, variables = {}): Promise<T> {
      const { data, errors } = await request<{ data?: T; errors?: { message: string }[] }>("POST", graphql, { query, variables });
      if (!data || errors) throw new PostError(`GitHub refused a query: ${errors?.[0]?.message ?? "no data"}.`);
      return data;
    },
  };
}

function checkAddress(url: string): void {
  const { protocol, hostname } = URL.parse(url) ?? { protocol: "", hostname: "" };
  if (protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname))) return;
  throw new PostError(`The URL of GitHub's API is "${url}". It has to be https, because every call sends the token.`);
}

const BUSY = [429, 500, 502, 503, 504];

/** @returns undefined if a retry does not help */
function secondsToWait({ status, headers }: Response, attempt: number): number | undefined {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  // GitHub also answers 403 to too many calls, with the time of the next try.
  const limited = status === 403 && (Number.isFinite(seconds) || headers.get("x-ratelimit-remaining") === "0");
  if (!BUSY.includes(status) && !limited) return undefined;
  return Number.isFinite(seconds) ? seconds : 2 ** attempt;
}

/** An error with its remedy. */
async function refusal(method: string, url: string, answer: Response | string): Promise<PostError> {
  const what = `${method} ${new URL(url).pathname}`;
  if (typeof answer === "string") return new PostError(`No connection to GitHub: ${what}: ${answer}.`);
  const { status } = answer;
  const { message = "", errors } = (await answer.json().catch(() => ({}))) as { message?: string; errors?: unknown };
  const detail = `${what}: ${status} ${message}`.trim();
  if (status === 422 && /too long/i.test(`${message} ${JSON.stringify(errors ?? "")}`)) return new TooLong(`${detail}.`);
  if (status === 401) return new PostError(`GITHUB_TOKEN is invalid or has expired (${detail}).`);
  if (status === 403)
    return new PostError(
      `GITHUB_TOKEN lacks a permission (${detail}). The job needs "permissions: pull-requests: write". In a pull request from a fork no token has it: post from a job of pull_request_target, as .github/workflows/preview.yml does.`,
    );
  if (status === 404)
    return new PostError(`Not found with this token (${detail}). Check GITHUB_REPOSITORY and the number of the pull request.`);
  return new PostError(`GitHub refused the call: ${detail}.`);
}

export class TooLong extends PostError {}
