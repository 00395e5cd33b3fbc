/** The flags and help of `slipway probe`. */
import { createCommand, type OptionsOf, OUTPUT, option, parseDuration } from "../shared/command.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";

/** The token that its requests carry. In no argument, which lists of processes would show. */
export const TOKEN_VARIABLE = "SLIPWAY_PROBE_TOKEN";

export const declareFlags = () =>
  createCommand("probe", {
    usage: ["--stack <name> --system <name> [flags]"],
    examples: [
      ["Write and read for ten minutes, while another command changes the stack", "slipway probe --stack prod --system shop --for 10min"],
      ["Send at most 50 requests a second", "slipway probe --stack prod --system shop --rate 50"],
      ["Write a page with a timeline", "slipway probe --stack prod --system shop --html probe.html"],
    ],
    details: [
      `Writes rows of its own through the app's public address, reads each acknowledged write back, and removes the rows in the end. The system's definition declares the requests, in checks.traffic of a service. They carry the bearer token in ${TOKEN_VARIABLE}. Ctrl-C ends the probe early, with its report.`,
      "It removes what an earlier probe has left that was killed.",
    ],
    exitCodes: {
      0: "every request succeeded, and no acknowledged write was stale or lost",
      1: "a request failed, or a write was stale or lost",
      2: "bad input; nothing was sent",
    },
  })
    .optionsGroup("What to probe:")
    .addOption(stackFlag())
    .option("--system <name>", "The system (default: the only one of the stack that declares requests)")
    .addOption(option("--for <duration>", "How long (default: 1min)").argParser((text) => parseDuration(text, "--for")))
    .option("--rate <requests>", "At most so many requests a second (default: 100)")
    .optionsGroup(OUTPUT)
    .option("--html <file>", "Also write a page with a timeline")
    .option("--json", "Print the report as JSON")
    .addOption(cwdFlag());

export type ProbeOptions = OptionsOf<typeof declareFlags>;
