import { readFileSync } from "node:fs";
import { findProject } from "../../engine/project.ts";
import { post } from "../../preview/post/post.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import type { Terminal } from "../shared/terminal.ts";
import type { CommentOptions } from "./flags.ts";

/** @returns the exit code. */
export async function comment({ from, failed, cwd }: CommentOptions, { print, log }: Terminal): Promise<number> {
  if ((from === undefined) !== (failed === true))
    throw new UsageError("Give one of --from and --failed: slipway comment --from review.json");
  const { name } = findProject(cwd);
  const posted = await post(name, from === undefined ? undefined : readReview(from));
  if (!posted) {
    log("No comment posted: the pull request is closed or has a newer commit.");
    return DONE;
  }
  const { pull, what, url, warnings, failure } = posted;
  print(what === "not needed" ? `#${pull}: nothing changes, no comment posted` : `#${pull}: comment ${what}, ${url}`);
  for (const warning of warnings) log(warning);
  if (failure === undefined || failed) return DONE;
  log(failure);
  return FAILED;
}

function readReview(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(
      `--from ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}. If the preview wrote no review: slipway comment --failed`,
    );
  }
}
