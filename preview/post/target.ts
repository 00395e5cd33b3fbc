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
const named = z.object({ full_name: z.string() });

const pullRequestEvent = z.object({
  pull_request: z.object({ number: z.int().positive(), head: z.object({ sha }), base: z.object({ repo: named }) }),
});

const workflowRunEvent = z.object({
  workflow_run: z.object({
    event: z.string(),
    html_url: z.url(),
    head_sha: sha,
    head_branch: z.string(),
    /** Null if the fork was deleted. */
    head_repository: z.object({ full_name: z.string(), owner: z.object({ login: z.string() }) }).nullable(),
    repository: named,
  }),
});

export type Environment = Readonly<Record<string, string | undefined>>;

/** @returns undefined if the pull request is closed or has a newer commit */
export async function targetOf(hub: GitHub, env: Environment): Promise<Target | undefined> {
  const { GITHUB_EVENT_NAME: name = "", GITHUB_EVENT_PATH: file } = env;
  if (!file) throw new PostError("GITHUB_EVENT_PATH is not set, so the pull request is unknown. Run this command in GitHub Actions.");
  const event: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (name === "pull_request") return fromPullRequest(hub, event, env);
  if (name === "workflow_run") return fromWorkflowRun(hub, event);
  throw new PostError(`The event "${name}" has no pull request. Run the job on pull_request or workflow_run.`);
}

function fromPullRequest(hub: GitHub, event: unknown, env: Environment): Target {
  const { pull_request } = parsed(pullRequestEvent, event);
  checkSame(hub, pull_request.base.repo.full_name);
  const { GITHUB_SERVER_URL: server, GITHUB_RUN_ID: id } = env;
  const run = server && id ? `${server}/${hub.repository}/actions/runs/${id}` : undefined;
  return { pull: pull_request.number, head: pull_request.head.sha, ...(run !== undefined && { run }) };
}

const pulls = z.array(z.object({ number: z.int(), head: z.object({ sha, repo: named.nullable() }), base: z.object({ repo: named }) }));

/** The event lists no pull requests of forks, so they are requested by branch. */
async function fromWorkflowRun(hub: GitHub, event: unknown): Promise<Target | undefined> {
  const { workflow_run: run } = parsed(workflowRunEvent, event);
  checkSame(hub, run.repository.full_name);
  if (run.event !== "pull_request") throw new PostError(`The run was started by the event "${run.event}", which has no pull request.`);
  if (run.head_repository === null) return undefined;
  const { full_name, owner } = run.head_repository;
  const open = parsed(pulls, await hub.list(`/pulls?state=open&head=${encodeURIComponent(`${owner.login}:${run.head_branch}`)}`));
  const those = open.filter(
    ({ head, base }) => head.sha === run.head_sha && head.repo?.full_name === full_name && base.repo.full_name === hub.repository,
  );
  if (those.length > 1)
    throw new PostError(
      `${those.map(({ number }) => `#${number}`).join(" and ")} have the same head ${run.head_sha}, so the pull request is ambiguous.`,
    );
  return those[0] && { pull: those[0].number, head: run.head_sha, run: run.html_url };
}

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
