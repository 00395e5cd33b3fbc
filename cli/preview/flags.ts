/** The flags and help of `slipway preview`. */
import { collect, createCommand, type OptionsOf, OUTPUT, option, parseWholeNumber } from "../shared/command.ts";
import { cwdFlag } from "../shared/flags.ts";

const CHECKS = "Checks:";

export const declareFlags = () =>
  createCommand("preview", {
    usage: ["--base <git ref> [flags]"],
    examples: [
      ["Compare the working tree with branch main", "slipway preview --base main"],
      ["Compare one stack", "slipway preview --base main --stack prod"],
      [
        "Write a review for the pull request, and fail where it is dangerous",
        "slipway preview --base origin/main --out review --fail-on danger",
      ],
    ],
    details: [
      "The base and the working tree are planned in a sandbox each: without the variables of this environment, files but their own, and network. What comes out is treated as data.",
    ],
    exitCodes: { 0: "printed", 1: "a side could not be planned", 2: "bad input", 10: "printed, and the risk is as high as --fail-on" },
  })
    .option("--base <git ref>", "Compare with this branch, tag or commit, from the point where the two diverged")
    .addOption(option("-s, --stack <name>", "Show this stack; repeatable (default: every stack but local)").argParser(collect))
    .option(
      "--events <file>",
      'Merge what "pulumi preview --event-log <file>" wrote for the same stacks with PULUMI_DEBUG_COMMANDS=true, and show contradictions',
    )
    .optionsGroup(CHECKS)
    .addOption(option("--fail-on <risk>", "Exit with 10 where the risk is this or higher: danger or care").choices(["danger", "care"]))
    .addOption(
      option("--timeout <seconds>", "Stop planning a side after this time (default: 60)").argParser((text) =>
        parseWholeNumber(text, { flag: "--timeout", unit: "seconds", example: "--timeout 120" }),
      ),
    )
    .option("--trust-head", "Plan without a sandbox if this system has none: the program can then read what you can read")
    .optionsGroup(OUTPUT)
    .addOption(
      option("--format <format>", "text, md, html or json (default: text in a terminal, else md)").choices(["text", "md", "html", "json"]),
    )
    .option("--out <directory>", "Also write review.md, review.html and review.json to this directory")
    .addOption(cwdFlag());

export type PreviewOptions = OptionsOf<typeof declareFlags>;
