/** `slipway audit`: where every secret goes. */
import { stableJson } from "../engine/mask.ts";
import { findProject, stackNames } from "../engine/project.ts";
import { audit } from "../review/audit/audit.ts";
import { auditText } from "./audit-text.ts";
import { type Command, DONE, FAILED, type Given, UsageError } from "./command.ts";

/** Something was found that is as bad as `--fail-on` says. */
export const FINDINGS = 10;

const SEVERITIES = ["critical", "high", "medium", "low"] as const;

export const command: Command = {
  usage: `slipway audit: where every secret goes, proved with canaries, without an account or a credential

Usage: slipway audit --stack <name> [flags]

  -s, --stack <name>        the stack: prod for Pulumi.prod.yaml
      --fail-on <severity>  critical, high, medium, low (default: low) or none
  -c, --config <k>=<v>      a config value over the file's; may be given again
      --run                 also make the platform in a cloud of this process and start each component, which tells fingerprints
      --json                the same for a machine
      --cwd <directory>     where to look for Pulumi.yaml, and above it (default: here)

Exit codes: 0 nothing found, 1 the program failed, 2 bad input, 10 findings.`,
  options: {
    stack: { type: "string", short: "s" },
    "fail-on": { type: "string" },
    config: { type: "string", short: "c", multiple: true },
    run: { type: "boolean" },
    json: { type: "boolean" },
    cwd: { type: "string" },
  },
  async run(given, { print, columns, style }) {
    const { stack, config, failOn, run, json, cwd } = parse(given);
    const project = findProject(cwd);
    if (stack === undefined)
      throw new UsageError(`Which stack? This project has ${stackNames(project).join(", ")}: slipway audit --stack prod`);
    // Where Pulumi would start the program.
    process.chdir(project.directory);
    const seen = run ? { witness: (await import("./audit-run.ts")).witness } : {};
    const told = await audit(project, { stack, config, ...seen });
    print(json ? stableJson(told) : auditText(told, { columns, style }));
    const bad = told.findings.some(({ severity }) => SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(failOn as never));
    return bad ? FINDINGS : told.failure === undefined ? DONE : FAILED;
  },
};

interface Options {
  readonly stack?: string;
  readonly config: Readonly<Record<string, string>>;
  readonly failOn: string;
  readonly run: boolean;
  readonly json: boolean;
  readonly cwd: string;
}

function parse({ values }: Given): Options {
  const {
    stack,
    config = [],
    run = false,
    json = false,
    cwd = process.cwd(),
    "fail-on": failOn = "low",
  } = values as Partial<Record<string, never>>;
  if (![...SEVERITIES, "none"].includes(failOn))
    throw new UsageError(`--fail-on takes ${SEVERITIES.join(", ")} or none, not "${failOn}": --fail-on high`);
  return { config: Object.fromEntries((config as string[]).map(pair)), run, json, cwd, failOn, ...(stack !== undefined && { stack }) };
}

function pair(text: string): [key: string, value: string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new UsageError(`--config takes key=value, not "${text}": --config region=fra1`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}
