/** The pull request to comment on: from the event that started the job, never from a file that the change could write. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { type GitHub, PostError } from "./github.ts";

export interface Target {
  readonly pull: number;
  /** Full SHA of the reviewed commit. */
  readonly head: string;
  /** URL of the run with the log and the report. */
  readonly run?: string;
}

const sha = z.string().regex(/^[0-9a-f]{40}$/);

const pullRequestEvent = z.object({
  pull_request: z.object({
    number: z.int().positive(),
    head: z.object({ sha }),
    base: z.object({ repo: z.object({ full_name: z.string() }) }),
  }),
});

export type Environment = Readonly<Record<string, string | undefined>>;

export function targetOf(hub: GitHub, env: Environment): Target {
  const { GITHUB_EVENT_NAME: name = "", GITHUB_EVENT_PATH: file, GITHUB_SERVER_URL: server, GITHUB_RUN_ID: id } = env;
  if (!file) throw new PostError("GITHUB_EVENT_PATH is not set, so the pull request is unknown. Run this command in GitHub Actions.");
  if (!EVENTS.includes(name)) throw new PostError(`The event "${name}" has no pull request. Run the job on ${EVENTS.join(" or ")}.`);
  const { pull_request } = parsed(pullRequestEvent, JSON.parse(readFileSync(file, "utf8")));
  checkSame(hub, pull_request.base.repo.full_name);
  const run = server && id ? `${server}/${hub.repository}/actions/runs/${id}` : undefined;
  return { pull: pull_request.number, head: pull_request.head.sha, ...(run !== undefined && { run }) };
}

const EVENTS = ["pull_request_target", "pull_request"];

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw new PostError(`GitHub's event is not valid: ${issue?.path.join(".")}: ${issue?.message}.`);
}

function checkSame({ repository }: GitHub, other: string): void {
  if (other !== repository)
    throw new PostError(`The event is of ${other}, but GITHUB_REPOSITORY is ${repository}. No comment is posted to another repository.`);
}
