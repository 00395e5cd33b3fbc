/** Telling a pull request what it changes, or that nobody knows. */
import { failureMarkdown, markdown, marker } from "../../report/markdown/review.ts";
import type { Review } from "../../report/review.ts";
import { isQuiet } from "../../report/words.ts";
import { type Posted, postComment } from "./comment.ts";
import { PostError } from "./error.ts";
import { type GitHub, github } from "./github.ts";
import { type Expected, ReviewError, readReview } from "./read.ts";
import { SUMMARY_LIMIT, writeSummary } from "./summary.ts";
import { type Environment, type Target, targetOf } from "./target.ts";

export interface Told extends Posted {
  readonly pull: number;
  /** Why a review was not shown, where one was expected. */
  readonly failure?: string;
}

/**
 * @param review text of a review.json, believed in nothing but what it says of the change; absent where there is none
 * @param env of a job in GitHub Actions
 * @returns nothing where there is nobody to tell any more
 */
export async function post(project: string, review: string | undefined, env: Environment = process.env): Promise<Told | undefined> {
  const hub = github(accountOf(env));
  const target = await targetOf(hub, env);
  if (!target) return undefined;
  const { pull, head, run } = target;
  const read = understood(review, { project, commit: head });
  const write = (limit: number): string =>
    typeof read === "string"
      ? failureMarkdown(project, { commit: head, why: read, ...(run !== undefined && { run }) })
      : markdown(read, { limit, ...(run !== undefined && { report: run }) });
  if (env.GITHUB_STEP_SUMMARY) writeSummary(env.GITHUB_STEP_SUMMARY, write(SUMMARY_LIMIT));
  if (await isSuperseded(hub, target)) return undefined;
  const posted = await postComment(hub, { pull, marker: marker(project), write, quiet: typeof read !== "string" && isQuiet(read) });
  return { pull, ...posted, ...(typeof read === "string" && { failure: read }) };
}

/** @returns why there is none to show */
function understood(text: string | undefined, expected: Expected): Review | string {
  if (text === undefined) return "The job that looks at it left no review.";
  try {
    return readReview(text, expected);
  } catch (error) {
    if (error instanceof ReviewError) return error.message;
    throw error;
  }
}

/** A newer commit has a run of its own, and an older one must not have the last word. */
async function isSuperseded(hub: GitHub, { pull, head }: Target): Promise<boolean> {
  const { head: now } = await hub.call<{ head: { sha: string } }>("GET", `/pulls/${pull}`);
  return now.sha !== head;
}

function accountOf({ GITHUB_REPOSITORY: repository, GITHUB_TOKEN: token, GITHUB_API_URL: api, GITHUB_GRAPHQL_URL: graphql }: Environment) {
  if (!repository)
    throw new PostError("There is no GITHUB_REPOSITORY. This runs in GitHub Actions; elsewhere: slipway preview --base main");
  if (!token) throw new PostError('There is no GITHUB_TOKEN. Give it to the step: "env: { GITHUB_TOKEN: ${{ github.token }} }"');
  return { repository, token, ...(api && { api }), ...(graphql && { graphql }) };
}
