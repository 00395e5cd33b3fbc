/** The flags and help of `slipway comment`. */
import { createCommand, type OptionsOf } from "../shared/command.ts";
import { cwdFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("comment", {
    usage: ["--from <review.json> | --failed"],
    examples: [
      ["Post a review that slipway preview --out wrote", "slipway comment --from review/review.json"],
      ["Replace the comment when the preview failed", "slipway comment --failed"],
    ],
    details: [
      "Each project has one comment, which later runs update. A pull request that changes nothing gets none. The step's summary shows the same text. The event of the job (pull_request_target or pull_request) names the pull request; the file cannot.",
      "The job's environment provides GITHUB_TOKEN (with pull-requests: write), GITHUB_REPOSITORY, GITHUB_EVENT_NAME, GITHUB_EVENT_PATH and GITHUB_STEP_SUMMARY.",
    ],
    exitCodes: {
      0: "comment posted, or the event has no open pull request",
      1: "comment not posted, or the review cannot be read",
      2: "bad input",
    },
  })
    .option(
      "--from <file>",
      "A review.json, which may come from a job that ran untrusted code: it is checked against its schema, its project and the commit",
    )
    .option("--failed", "Say in the comment that there is no review of the newest commit")
    .addOption(cwdFlag());

export type CommentOptions = OptionsOf<typeof declareFlags>;
