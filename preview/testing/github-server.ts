/** A server that answers as GitHub does for what a comment needs: pages, permissions, refusals, a rate limit. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HEAD } from "../../report/testing/samples.ts";
import type { Environment } from "../post/target.ts";

export const REPOSITORY = "acme/slipway";
const TOKEN = "ghs_test";
const BOT = "github-actions[bot]";

interface Comment {
  id: number;
  node_id: string;
  html_url: string;
  body: string;
  user: { login: string } | null;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface GitHubServer extends AsyncDisposable {
  /** Of pull request 7, oldest first. */
  readonly comments: Comment[];
  readonly minimized: string[];
  /** "GET /repos/…", in order. */
  readonly calls: string[];
  /** Given in place of the next answers to calls that match. */
  readonly faults: { when: RegExp; answer: Answer }[];
  /** What the pull request's newest commit is. */
  head: string;
  /** Characters of a comment. */
  longest: number;
  writable: boolean;
  isClosed: boolean;
  say(login: string, body: string): Comment;
  /** Of a job that was started by pull request 7. */
  env(event: "pull_request" | "pull_request_target", changes?: Environment): Environment;
  /** Where the step's summary was written. */
  readonly summary: string;
}

export async function startGitHub(): Promise<GitHubServer> {
  const folder = mkdtempSync(join(tmpdir(), "slipway github "));
  const summary = join(folder, "summary.md");
  const state: Omit<GitHubServer, typeof Symbol.asyncDispose> = {
    comments: [],
    minimized: [],
    calls: [],
    faults: [],
    head: HEAD,
    longest: 65_536,
    writable: true,
    isClosed: false,
    summary,
    say(login, body) {
      const id = 1000 + state.comments.length;
      const comment = {
        id,
        node_id: `IC_${id}`,
        html_url: `https://github.example/${REPOSITORY}/pull/7#issuecomment-${id}`,
        body,
        user: { login },
      };
      state.comments.push(comment);
      return comment;
    },
    env(event, changes = {}) {
      const file = join(folder, `${event}.json`);
      writeFileSync(file, JSON.stringify(EVENT));
      return {
        GITHUB_REPOSITORY: REPOSITORY,
        GITHUB_TOKEN: TOKEN,
        GITHUB_API_URL: url,
        GITHUB_GRAPHQL_URL: `${url}/graphql`,
        GITHUB_EVENT_NAME: event,
        GITHUB_EVENT_PATH: file,
        GITHUB_STEP_SUMMARY: summary,
        GITHUB_SERVER_URL: "https://github.example",
        GITHUB_RUN_ID: "42",
        ...changes,
      };
    },
  };
  const server = createServer(async (asked, reply) => {
    state.calls.push(`${asked.method} ${asked.url}`);
    const fault = state.faults.findIndex(({ when }) => when.test(`${asked.method} ${asked.url}`));
    const given = fault < 0 ? undefined : state.faults.splice(fault, 1)[0]?.answer;
    send(reply, given ?? answerOf(asked, await text(asked), state));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(state, {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  });
}

const EVENT = { pull_request: { number: 7, head: { sha: HEAD }, base: { repo: { full_name: REPOSITORY } } } };

function answerOf(asked: IncomingMessage, body: string, state: Omit<GitHubServer, typeof Symbol.asyncDispose>): Answer {
  if (asked.headers.authorization !== `Bearer ${TOKEN}`) return { status: 401, body: { message: "Bad credentials" } };
  const { pathname, searchParams } = new URL(asked.url ?? "", "http://github.example");
  const json = body === "" ? {} : JSON.parse(body);
  if (pathname === "/graphql") return graphql(json, state);
  const path = pathname.startsWith(`/repos/${REPOSITORY}/`) ? pathname.slice(`/repos/${REPOSITORY}`.length) : "";
  const comment = state.comments.find(({ id }) => path === `/issues/comments/${id}`);
  switch (`${asked.method} ${comment ? "/issues/comments/:id" : path}`) {
    case "GET /pulls/7":
      return { status: 200, body: { number: 7, state: state.isClosed ? "closed" : "open", head: { sha: state.head } } };
    case "GET /issues/7/comments": {
      const size = Math.min(Number(searchParams.get("per_page") ?? 30), 100);
      const from = (Number(searchParams.get("page") ?? 1) - 1) * size;
      return { status: 200, body: state.comments.slice(from, from + size) };
    }
    case "POST /issues/7/comments":
      return write(state, json.body, 201, () => state.say(BOT, json.body));
    case "PATCH /issues/comments/:id":
      return write(state, json.body, 200, () => Object.assign(comment as Comment, { body: json.body }));
    default:
      return { status: 404, body: { message: "Not Found" } };
  }
}

function write(state: { writable: boolean; longest: number }, body: string, status: number, done: () => Comment): Answer {
  if (!state.writable) return { status: 403, body: { message: "Resource not accessible by integration" } };
  if (body.length > state.longest)
    return {
      status: 422,
      body: {
        message: "Validation Failed",
        errors: [{ resource: "IssueComment", field: "data", message: `Body is too long (maximum is ${state.longest} characters)` }],
      },
    };
  return { status, body: done() };
}

function graphql({ query, variables }: { query: string; variables: { id?: string } }, state: Pick<GitHubServer, "minimized">): Answer {
  if (query.includes("viewer")) return { status: 200, body: { data: { viewer: { login: BOT } } } };
  state.minimized.push(variables.id ?? "");
  return { status: 200, body: { data: { minimizeComment: { clientMutationId: null } } } };
}

function send(reply: ServerResponse, { status, headers, body }: Answer): void {
  reply.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers }).end(JSON.stringify(body ?? {}));
}

async function text(asked: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of asked) parts.push(part);
  return Buffer.concat(parts).toString();
}
