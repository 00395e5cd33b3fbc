/** The flags and help of `slipway runbook`. */
import { createCommand, type OptionsOf, OUTPUT } from "../shared/command.ts";
import { cwdFlag, stackFlag } from "../shared/flags.ts";

export const declareFlags = () =>
  createCommand("runbook", {
    usage: ["--stack <name> [flags]"],
    examples: [
      ["Print the runbook of one system of stack prod", "slipway runbook --stack prod --system shop"],
      ["Write one file for each system", "slipway runbook --stack prod --out docs/runbooks"],
      ["Fail where the committed ones are stale, in CI", "slipway runbook --stack prod --check docs/runbooks"],
    ],
    details: [
      "A runbook is Markdown: what runs, the contacts, how long it may take, the commands for this stack, and what each alert means. It is written from the definitions, the settings of the stack and the alerts that the program declares, without an account.",
    ],
    exitCodes: { 0: "written, or not stale", 1: "stale, or the program failed", 2: "bad input" },
  })
    .addOption(stackFlag())
    .option("--system <name>", "Only this system (default: every system of the stack)")
    .optionsGroup(OUTPUT)
    .option("--out <directory>", "Write <directory>/<system>.md instead of printing")
    .option("--check <directory>", "Compare with the files of this directory, and write nothing")
    .addOption(cwdFlag());

export type RunbookOptions = OptionsOf<typeof declareFlags>;
