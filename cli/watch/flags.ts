/** The flags and help of `slipway watch`. */
import { createCommand, type OptionsOf, OUTPUT, option, parseDuration } from "../shared/command.ts";
import { stackFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("watch", {
    examples: [
      ["Watch stack prod for a day after a deployment, every four hours", "slipway watch --stack prod"],
      ["Watch one system for an hour, every five minutes", "slipway watch --system shop --stack prod --for 1h --every 5min"],
      ["Look once at the local platform", "slipway watch --for 0"],
    ],
    details: [
      "Each round does what `slipway verify` and `slipway doctor` do, compares with the limits in the definition's alerts, and counts the rows of each table. In the end it writes one report, with every round that did not take place.",
      "It may be killed and started again: it goes on with the same watch, from the journal next to the report. What begins and what ends is sent to the channels that are set: SLIPWAY_ALERT_SMTP, SLIPWAY_ALERT_SLACK, SLIPWAY_ALERT_PAGERDUTY. docs/watch.md describes them.",
    ],
    exitCodes: {
      0: "every round took place, and the last one saw no problem",
      1: "a round is missing, the last one saw a problem, or it was ended early",
      2: "bad input; nothing was looked at",
      75: "another process is watching already",
    },
  })
    .optionsGroup("What to watch:")
    .option("--system <name>", "Only this system (default: every system of the stack)")
    .addOption(stackFlag())
    .addOption(option("--for <duration>", "How long (default: 24h)").argParser((text) => parseDuration(text, "--for")))
    .addOption(option("--every <duration>", "A round this often (default: 4h)").argParser((text) => parseDuration(text, "--every")))
    .option("--restart", "Begin a new watch, although the last one has not ended; its journal is kept under another name")
    .optionsGroup(OUTPUT)
    .option("--out <file>", "Where to write the report (default: .slipway/watch-<stack>.md)")
    .option("--json", "Print the report as JSON");

export type WatchOptions = OptionsOf<typeof declareFlags>;
