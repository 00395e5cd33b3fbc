/** The flags and help of `slipway recover`. */
import { createCommand, type OptionsOf, OUTPUT } from "../shared/command.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";
import { stateFlag } from "./state-flag.ts";

export const declareFlags = () =>
  createCommand("recover", {
    usage: ["--stack <name> [flags]"],
    examples: [
      ["Compare stack prod with the account, and print what repairs it", "slipway recover --stack prod"],
      ["Repair the state of stack prod", "slipway recover --stack prod --yes"],
      ["Compare without Pulumi's CLI", "slipway recover --stack prod --state state.json"],
    ],
    details: [
      "After a deployment was interrupted, the account holds resources that the state does not know, and the next `pulumi up` fails because their names are taken. This command compares the account with the state and with the program. It writes a file for `pulumi import` and prints the commands in their order.",
      "It never deletes anything in the account, and never runs `pulumi up`. It reads the account with digitalocean:token of the stack, or with DIGITALOCEAN_TOKEN.",
    ],
    exitCodes: { 0: "compared, or repaired", 1: "the comparison or a step failed", 2: "bad input; nothing was done" },
  })
    .addOption(stackFlag())
    .option("-y, --yes", "Run the commands, except for the final `pulumi up`")
    .addOption(stateFlag())
    .option("--shared", "Also import resources that another stack of this project declares under the same name")
    .optionsGroup(OUTPUT)
    .option("--out <file>", "Where to write the import file (default: .slipway/recover-<stack>.json)")
    .option("--json", "Print the comparison and the commands as JSON")
    .addOption(cwdFlag());

export type RecoverOptions = OptionsOf<typeof declareFlags>;
