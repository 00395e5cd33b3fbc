/** `slipway comment`: puts a review under its pull request. */
import { readFileSync } from "node:fs";
import { findProject } from "../engine/project.ts";
import { post } from "../preview/post/post.ts";
import { type Command, DONE, FAILED, UsageError } from "./command.ts";

export const command: Command = {
  usage: `slipway comment: puts a review under its pull request, in GitHub Actions

Usage: slipway comment --from <review.json> | --failed [--cwd <directory>]

      --from <file>       what "slipway preview --out" wrote, perhaps in a job that a stranger's change ran in:
                          it is checked against its schema, its project and the commit, and nothing of it is believed otherwise
      --failed            there is no review: say so under the pull request, so that nobody takes the old one for the newest
      --cwd <directory>   where to look for Pulumi.yaml, and above it (default: here)

One comment for each project, found again by a hidden marker and its author, and kept up to date; none where nothing changes.
The same text goes to the step's summary. Which pull request it is says the event (pull_request or workflow_run), not the file.

From the environment of the job: GITHUB_TOKEN (with pull-requests: write), GITHUB_REPOSITORY, GITHUB_EVENT_NAME,
GITHUB_EVENT_PATH, GITHUB_STEP_SUMMARY.

Exit codes: 0 told, or nobody is there to be told, 1 not told, or told that the review cannot be read, 2 bad input.`,
  options: {
    from: { type: "string" },
    failed: { type: "boolean" },
    cwd: { type: "string" },
  },
  async run({ values }, { print, say }) {
    const { from, failed = false, cwd = process.cwd() } = values as { from?: string; failed?: boolean; cwd?: string };
    if ((from === undefined) !== failed) throw new UsageError("Give one of --from and --failed: slipway comment --from review.json");
    const { name } = findProject(cwd);
    const told = await post(name, from === undefined ? undefined : read(from));
    if (!told) {
      say("The pull request is closed or has a newer commit: nothing is posted.");
      return DONE;
    }
    const { pull, what, url, warnings, failure } = told;
    print(what === "not needed" ? `#${pull}: nothing changes, and no comment says otherwise.` : `#${pull}: comment ${what}, ${url}`);
    for (const warning of warnings) say(warning);
    if (failure === undefined || failed) return DONE;
    say(failure);
    return FAILED;
  },
};

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(
      `--from ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}. Where there is no review: slipway comment --failed`,
    );
  }
}
