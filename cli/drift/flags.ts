/** The flags and help of `slipway drift`. */
import { stateFlag } from "../recover/state-flag.ts";
import { createCommand, type OptionsOf, OUTPUT } from "../shared/command.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("drift", {
    usage: ["--stack <name> [flags]"],
    examples: [
      ["Compare stack prod with the account", "slipway drift --stack prod"],
      ["Compare the roles in its databases too", "slipway drift --stack prod --database"],
      ["Run it on a schedule, and keep the result", "slipway drift --stack prod --json > drift.json"],
    ],
    details: [
      "Compares the account with the state, as `slipway recover` does, and changes nothing: no file, no state, no account. Variables of apps and recipients of alerts are not compared.",
      "With --database it also logs in to each database, as the administrator and as each role, and compares roles, privileges, settings and passwords with those that the roles step declared. The address of this machine must be a trusted source of the cluster.",
    ],
    exitCodes: { 0: "no drift", 1: "the comparison failed", 2: "bad input", 10: "drift" },
  })
    .addOption(stackFlag())
    .addOption(stateFlag())
    .option("--database", "Also compare the roles in the databases of the stack")
    .optionsGroup(OUTPUT)
    .option("--json", "Print the comparison as JSON")
    .addOption(cwdFlag());

export type DriftOptions = OptionsOf<typeof declareFlags>;
