/** Posts a review, or the reason why there is none, to its pull request. */
import { appendFileSync } from "node:fs";
import type { z } from "zod";
import { visible } from "../../report/escape.ts";
import { failureMarkdown, markdown, marker } from "../../report/markdown/review.ts";
import { type Review, reviewSchema } from "../../report/review.ts";
import { isQuiet } from "../../report/words.ts";
import { type Posted, postComment } from "./comment.ts";
import { type GitHub, github, PostError } from "./github.ts";
import { type Environment, type Target, targetOf } from "./target.ts";

export interface PostResult extends Posted {
  readonly pull: number;
  /** Why the comment contains no review. */
  readonly failure?: string;
}

/**
 * @param review text of a review.json, untrusted; undefined if there is none
 * @param env of a job in GitHub Actions
 * @returns undefined if the pull request is closed or has a newer commit
 */
export async function post(project: string, review: string | undefined, env: Environment = process.env): Promise<PostResult | undefined> {
  const hub = github(accountOf(env));
  const target = targetOf(hub, env);
  const { pull, head, run } = target;
  const result = reviewOrFailure(review, { project, commit: head });
  const write = (limit: number): string =>
    typeof result === "string"
      ? failureMarkdown(project, { commit: head, why: result, ...(run !== undefined && { run }) })
      : markdown(result, { limit, ...(run !== undefined && { report: run }) });
  if (env.GITHUB_STEP_SUMMARY) writeSummary(env.GITHUB_STEP_SUMMARY, write(SUMMARY_LIMIT));
  if (await isOver(hub, target)) return undefined;
  const posted = await postComment(hub, { pull, marker: marker(project), write, quiet: typeof result !== "string" && isQuiet(result) });
  return { pull, ...posted, ...(typeof result === "string" && { failure: result }) };
}

function reviewOrFailure(text: string | undefined, expected: Expected): Review | string {
  if (text === undefined) return "The preview job produced no review.";
  try {
    return readReview(text, expected);
  } catch (error) {
    if (error instanceof ReviewError) return error.message;
    throw error;
  }
}

export class ReviewError extends Error {
  override readonly name = "ReviewError";
}

/** Far more than a review needs, and small enough to parse quickly. */
const MOST_BYTES = 5_000_000;

export interface Expected {
  readonly project: string;
  /** A full SHA: a review of another commit must not be shown for this one. */
  readonly commit?: string;
}

/**
 * Parses a review that the untrusted job of a pull request wrote.
 *
 * @throws {ReviewError} whose message is safe to show
 */
export function readReview(text: string, { project, commit }: Expected): Review {
  if (Buffer.byteLength(text) > MOST_BYTES) throw new ReviewError(`The review is larger than ${MOST_BYTES.toLocaleString("en")} bytes.`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ReviewError("The review is not JSON. Create it with: slipway preview --base <git ref> --out <dir>");
  }
  const { success, data, error } = reviewSchema.safeParse(json);
  if (!success) throw new ReviewError(`The review does not match its schema, docs/review.schema.json: ${visible(firstProblem(error))}`);
  if (data.project !== project) throw new ReviewError(`The review is of another project than ${project}.`);
  if (commit !== undefined && data.head.commit !== commit) throw new ReviewError(`The review is of another commit than ${commit}.`);
  return data;
}

function firstProblem({ issues }: z.core.$ZodError): string {
  const [issue] = issues;
  return `${issue?.path.join(".").slice(0, 200) || "the root"}: ${issue?.message.slice(0, 200)}`;
}

/** In bytes. GitHub shows up to one MiB of a step's summary, which other commands of the step write to as well. */
const SUMMARY_LIMIT = 1_000_000;

function writeSummary(file: string, text: string): void {
  try {
    appendFileSync(file, text);
  } catch (error) {
    throw new PostError(`The step's summary ${file} cannot be written: ${(error as NodeJS.ErrnoException).code}.`);
  }
}

/** A newer commit has a run of its own, whose comment must not be overwritten. */
async function isOver(hub: GitHub, { pull, head }: Target): Promise<boolean> {
  const { head: newest, state } = await hub.call<{ head: { sha: string }; state: string }>("GET", `/pulls/${pull}`);
  return newest.sha !== head || state !== "open";
}

function accountOf({ GITHUB_REPOSITORY: repository, GITHUB_TOKEN: token, GITHUB_API_URL: api, GITHUB_GRAPHQL_URL: graphql }: Environment) {
  if (!repository)
    throw new PostError("GITHUB_REPOSITORY is not set. Run this command in GitHub Actions; elsewhere: slipway preview --base main");
  if (!token) throw new PostError('GITHUB_TOKEN is not set. Add to the step: "env: { GITHUB_TOKEN: ${{ github.token }} }"');
  return { repository, token, ...(api && { api }), ...(graphql && { graphql }) };
}
