/** GitHub's API as far as a comment needs it: one repository, patience where it is busy, and a sentence for each refusal. */
import { setTimeout as sleep } from "node:timers/promises";
import { PostError } from "./error.ts";

export interface Account {
  /** `owner/name`. No call goes to another. */
  readonly repository: string;
  readonly token: string;
  /** @default "https://api.github.com" */
  readonly api?: string;
  /** @default the API's own `/graphql` */
  readonly graphql?: string;
}

export interface GitHub {
  readonly repository: string;
  /** @param path below the repository: `/issues/7/comments` */
  call<T>(method: "GET" | "POST" | "PATCH", path: string, body?: unknown): Promise<T>;
  /** All pages of a list. */
  list<T>(path: string): Promise<T[]>;
  query<T>(query: string, variables?: Readonly<Record<string, unknown>>): Promise<T>;
}

const PAGE = 100;
/** Ten thousand entries: more than GitHub lets anybody read of one pull request. */
const MOST_PAGES = 100;
const ATTEMPTS = 5;
const MOST_SECONDS_TO_WAIT = 60;
const ANSWER_MS = 30_000;

/** @param wait in milliseconds; exchanged by tests only */
export function github({ repository, token, api = "https://api.github.com", graphql = `${api}/graphql` }: Account, wait = sleep): GitHub {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) throw new PostError(`"${repository}" is no repository; GITHUB_REPOSITORY is owner/name.`);
  for (const url of [api, graphql]) checkAddress(url);

  async function ask<T>(method: string, url: string, body?: unknown): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const answer = await send(method, url, body);
      if (typeof answer !== "string" && answer.ok) return (await answer.json()) as T;
      const again = typeof answer === "string" ? 2 ** attempt : secondsToWait(answer, attempt);
      if (again === undefined || attempt === ATTEMPTS) throw await refusal(method, url, answer);
      if (typeof answer !== "string") await answer.body?.cancel();
      await wait(Math.min(again, MOST_SECONDS_TO_WAIT) * 1000);
    }
  }

  /** @returns why nothing came back, where nothing did */
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
        // A token does not follow to where an answer points.
        redirect: "error",
        signal: AbortSignal.timeout(ANSWER_MS),
      });
    } catch (error) {
      const { cause, message } = error as Error;
      return cause instanceof Error ? cause.message : message;
    }
  }

  const call = <T>(method: string, path: string, body?: unknown) => ask<T>(method, `${api}/repos/${repository}${path}`, body);

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
      const { data, errors } = await ask<{ data?: T; errors?: { message: string }[] }>("POST", graphql, { query, variables });
      if (!data || errors) throw new PostError(`GitHub does not answer a query: ${errors?.[0]?.message ?? "no data"}.`);
      return data;
    },
  };
}

function checkAddress(url: string): void {
  const { protocol, hostname } = URL.parse(url) ?? { protocol: "", hostname: "" };
  if (protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname))) return;
  throw new PostError(`"${url}" is no address for a token: GitHub's API is asked over https.`);
}

const BUSY = [429, 500, 502, 503, 504];

/** @returns nothing where asking again would not help */
function secondsToWait({ status, headers }: Response, attempt: number): number | undefined {
  const told = Number(headers.get("retry-after") ?? Number.NaN);
  // GitHub tells too many calls with 403 as well, and then says when to come back.
  const limited = status === 403 && (Number.isFinite(told) || headers.get("x-ratelimit-remaining") === "0");
  if (!BUSY.includes(status) && !limited) return undefined;
  return Number.isFinite(told) ? told : 2 ** attempt;
}

/** Told by what is to be done about it. */
async function refusal(method: string, url: string, answer: Response | string): Promise<PostError> {
  const what = `${method} ${new URL(url).pathname}`;
  if (typeof answer === "string") return new PostError(`GitHub cannot be reached: ${what}: ${answer}.`);
  const { status } = answer;
  const { message = "", errors } = (await answer.json().catch(() => ({}))) as { message?: string; errors?: unknown };
  const said = `${what}: ${status} ${message}`.trim();
  if (status === 422 && /too long/i.test(`${message} ${JSON.stringify(errors ?? "")}`)) return new TooLong(`${said}.`);
  if (status === 401) return new PostError(`GitHub does not know the token in GITHUB_TOKEN, or it has expired (${said}).`);
  if (status === 403)
    return new PostError(
      `The token may not do this (${said}). The job needs "permissions: pull-requests: write". In a pull request from a fork no token has it: post from a workflow_run job, as .github/workflows/comment.yml does.`,
    );
  if (status === 404)
    return new PostError(
      `GitHub shows this to nobody with this token (${said}). Is GITHUB_REPOSITORY right, and is the pull request there?`,
    );
  return new PostError(`GitHub refuses: ${said}.`);
}

export class TooLong extends PostError {}
