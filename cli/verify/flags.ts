/** The flags and help of `slipway verify`. */
import { createCommand, type OptionsOf, OUTPUT, option, parseWholeNumber } from "../shared/command.ts";
import { stackFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("verify", {
    examples: [
      ["Verify what runs on this machine", "slipway verify"],
      ["Verify one system of stack prod", "slipway verify --system shop --stack prod"],
      ["Also measure what the product's documents promise", "slipway verify --system shop --stack prod --bench"],
    ],
    details: [
      "Looks at what a deployment has to show: the newest deployment is active with all of its steps, each service answers at its health path and reports its database, the declared requests are answered as declared, a row outlives the deployment, migrations and keyspaces are complete, the log, backups and alerts. Then it answers the product's own checklist.",
      "It writes one row into slipway's schema of each database. Where a definition says that a path lists rows of a table, it adds a row for the request and deletes it. docs/verify.md describes each check.",
    ],
    exitCodes: { 0: "no check failed", 1: "a check failed", 2: "bad input; nothing was looked at" },
  })
    .optionsGroup("What to look at:")
    .option("--system <name>", "Only this system (default: every system of the stack)")
    .addOption(stackFlag())
    .addOption(
      option("--wait <minutes>", "How long to wait for a deployment that is running (default: 15)").argParser((text) =>
        parseWholeNumber(text, { flag: "--wait", from: 0, to: 240, unit: "minutes", example: "slipway verify --wait 30" }),
      ),
    )
    .option("--bench", "Measure the durations that the product's documents promise; they fail nothing")
    .optionsGroup(OUTPUT)
    .option("--json", "Print the result as JSON");

export type VerifyOptions = OptionsOf<typeof declareFlags>;
