/** The flags and help of `slipway drift`. */
import { stateFlag } from "../recover/state-flag.ts";
import { createCommand, type OptionsOf, OUTPUT } from "../shared/command.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("drift", {
    usage: ["--stack <name> [flags]"],
    examples: [
      ["Compare stack prod with the account", "slipway drift --stack prod"],
      ["Run it on a schedule, and keep the result", "slipway drift --stack prod --json > drift.json"],
    ],
    details: [
      "Compares the account with the state, as `slipway recover` does, and changes nothing: no file, no state, no account. Passwords, variables of apps and recipients of alerts are not compared.",
    ],
    exitCodes: { 0: "no drift", 1: "the comparison failed", 2: "bad input", 10: "drift" },
  })
    .addOption(stackFlag())
    .addOption(stateFlag())
    .optionsGroup(OUTPUT)
    .option("--json", "Print the comparison as JSON")
    .addOption(cwdFlag());

export type DriftOptions = OptionsOf<typeof declareFlags>;
