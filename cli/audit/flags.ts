/** The flags and help of `slipway audit`. */
import { createCommand, type OptionsOf, OUTPUT, option, parseWholeNumber } from "../shared/command.ts";
import { configFlag, cwdFlag, stackFlag } from "../shared/flags.ts";

const SOURCES = "What to audit:";
const CHECKS = "Checks:";
export const declareFlags = () =>
  createCommand("audit", {
    usage: ["--stack <name> [flags]", "--state <file> | --events <file> [flags]"],
    examples: [
      ["Trace the secrets of stack prod, without an account or credentials", "slipway audit --stack prod"],
      ["Also start every component and verify what it reads", "slipway audit --stack prod --run"],
      ["Audit a pull request of an untrusted contributor", "slipway audit --stack prod --untrusted"],
      ["Audit a state that Pulumi exported", "slipway audit --state state.json"],
      ["Write a report for GitHub code scanning", "slipway audit --stack prod --format sarif --out audit.sarif"],
    ],
    details: ["Suppress a finding in .slipway-audit.yaml, with a reason and an expiry date. docs/audit.md describes the rules."],
    exitCodes: {
      0: "no finding that --fail-on counts",
      1: "the program failed",
      2: "bad input",
      10: "a finding that --fail-on counts",
    },
  })
    .optionsGroup(SOURCES)
    .addOption(stackFlag())
    .addOption(configFlag())
    .option("--every-feature", "Audit with every feature of every system enabled")
    .option("--state <file>", 'Audit a file that "pulumi stack export --file <file>" wrote')
    .option("--events <file>", 'Audit a file that "pulumi preview --event-log <file>" wrote with PULUMI_DEBUG_COMMANDS=true')
    .option("--untrusted", "Run the program in a sandbox: without credentials and network, for an untrusted commit")
    .addOption(
      option("--timeout <seconds>", "With --untrusted: stop the program after this time (default: 60)").argParser((text) =>
        parseWholeNumber(text, { flag: "--timeout", unit: "seconds", example: "--timeout 120" }),
      ),
    )
    .optionsGroup(CHECKS)
    .option("--run", "Also create the platform in this process, start every component and compare fingerprints of what it reads")
    .addOption(
      option("--max-age <days>", "Report generated secrets older than this")
        .argParser((text) => parseWholeNumber(text, { flag: "--max-age", unit: "days", example: "--max-age 180" }))
        .default(365),
    )
    .addOption(
      option("--fail-on <severity>", "Exit with 10 for findings of this severity or worse: critical, high, medium, low or none")
        .choices(["critical", "high", "medium", "low", "none"])
        .default("low" as const),
    )
    .optionsGroup(OUTPUT)
    .addOption(option("--format <format>", "text, json, sarif or html (default: text)").choices(["text", "json", "sarif", "html"]))
    .option("--json", "The same as --format json")
    .option("-o, --out <file>", "Write the report to this file, and one line to stderr")
    .addOption(cwdFlag());
export type AuditOptions = OptionsOf<typeof declareFlags>;
