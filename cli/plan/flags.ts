/** The flags and help of `slipway plan`. */
import { createCommand, type OptionsOf, OUTPUT } from "../shared/command.ts";
import { configFlag, cwdFlag, stackFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("plan", {
    usage: ["--stack <name> [flags]"],
    examples: [
      ["Print the resources, their creation order and the outputs of stack prod", "slipway plan --stack prod"],
      ["Try another region", "slipway plan --stack prod --config region=fra1"],
      ["Compare two plans", "slipway plan --stack prod --json > plan.json"],
    ],
    details: ["A plan reads no migrations and no keyspace files. slipway migrate lint, slipway preview and pulumi preview do."],
    exitCodes: { 0: "planned", 1: "the program failed or logged an error", 2: "bad input" },
  })
    .addOption(stackFlag())
    .addOption(configFlag())
    .option("--placeholders", "Plan although secrets that an operator sets are missing, and list them")
    .optionsGroup(OUTPUT)
    .option("--json", "Print the whole plan as JSON, with secrets masked. The same program and stack print the same bytes")
    .addOption(cwdFlag());

export type PlanOptions = OptionsOf<typeof declareFlags>;
