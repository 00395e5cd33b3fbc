/** `slipway audit`: where every secret goes. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { audit, auditFile } from "../audit/audit.ts";
import { RULES } from "../audit/rules.ts";
import { stableJson } from "../engine/mask.ts";
import { findProject, type Project } from "../engine/project.ts";
import { readStack } from "../engine/stackfile.ts";
import { type Audit, SEVERITIES } from "../report/audit.ts";
import { EVENT_LOG_COMMAND } from "../report/plan/event-log.ts";
import { sarifOf } from "../report/sarif.ts";
import { configName } from "../settings/operator.ts";
import { systems } from "../systems/index.ts";
import { auditText, summaryLine } from "./audit-text.ts";
import { type Command, DONE, FAILED, type Given, UsageError } from "./command.ts";
import { type Overrides, overridesOf, withConfigFlags, withOverrides } from "./config-flag.ts";
import { wholeNumber } from "./number.ts";
import { neededStack } from "./stack.ts";
import type { Paper } from "./terminal.ts";
import { version } from "./version.ts";

/** Something was found that is as bad as `--fail-on` says. */
export const FINDINGS = 10;

const FORMATS = ["text", "json", "sarif", "html"] as const;
type Format = (typeof FORMATS)[number];

export const command: Command = {
  usage: `slipway audit: where every secret goes, proved with canaries, without an account or a credential

Usage: slipway audit --stack <name> [flags]
       slipway audit --state <file> | --events <file> [flags]

  -s, --stack <name>        the stack: prod for Pulumi.prod.yaml
      --run                 also make its platform in a cloud of this process and start every component, which tells fingerprints
      --every-feature       as if every feature of every product were switched on
  -c, --config <k>=<v>      a config value over the file's; may be given again
      --max-age <days>      from when on a generated secret is too old (default: 365)

      --state <file>        read what "pulumi stack export --file <file>" wrote, in place of a program
      --events <file>       read what "pulumi preview --event-log <file>" wrote, under PULUMI_DEBUG_COMMANDS=true

      --format <format>     text, json, sarif or html (default: text); --json for --format json
  -o, --out <file>          write the report there, and one line here
      --fail-on <severity>  critical, high, medium or low (default: low), or none
      --cwd <directory>     where to look for Pulumi.yaml, and above it (default: here)

What is to be lived with stands in .slipway-audit.yaml, with a reason and a last day. Rules: docs/audit.md.

Exit codes: 0 nothing found, 1 the program failed, 2 bad input, 10 something found that --fail-on counts.`,
  options: {
    stack: { type: "string", short: "s" },
    run: { type: "boolean" },
    "every-feature": { type: "boolean" },
    config: { type: "string", short: "c", multiple: true },
    "max-age": { type: "string" },
    state: { type: "string" },
    events: { type: "string" },
    format: { type: "string" },
    json: { type: "boolean" },
    out: { type: "string", short: "o" },
    "fail-on": { type: "string" },
    cwd: { type: "string" },
  },
  async run(given, { print, say, columns, style }) {
    const options = parse(given);
    // Before the program's directory becomes this process's.
    const out = options.out === undefined ? undefined : path.resolve(options.out);
    const told = options.file === undefined ? await ofProgram(options) : ofFile(options.file, options.cwd);
    const report = await reportOf(told, options.format, { columns, style });
    if (out === undefined) print(report);
    else {
      mkdirSync(path.dirname(out), { recursive: true });
      writeFileSync(out, report.endsWith("\n") ? report : `${report}\n`);
      say(summaryLine(told));
    }
    const counted = SEVERITIES.slice(0, SEVERITIES.indexOf(options.failOn as never) + 1);
    if (told.findings.some(({ severity }) => counted.includes(severity))) return FINDINGS;
    return told.failure === undefined ? DONE : FAILED;
  },
};

async function ofProgram({ stack, config, everyFeature, maxAgeDays, run, cwd }: Options): Promise<Audit> {
  const project = findProject(cwd);
  const named = neededStack(stack, project, "audit");
  // Where Pulumi would start the program.
  process.chdir(project.directory);
  const prober = run ? (await import("./audit-run.ts")).prober : undefined;
  const found = await withOverrides(config, project.name, () =>
    audit(project, {
      stack: named,
      config: { ...(everyFeature && featuresOn(project, named)), ...config },
      maxAgeDays,
      ...(prober && { prober }),
    }),
  );
  const { failure } = found;
  return failure === undefined ? found : { ...found, failure: withConfigFlags(failure, config, project.name) };
}

function ofFile({ kind, name }: NonNullable<Options["file"]>, cwd: string): Audit {
  let text: string;
  try {
    text = readFileSync(path.resolve(cwd, name), "utf8");
  } catch (error) {
    const written = kind === "state" ? "pulumi stack export --file state.json" : `${EVENT_LOG_COMMAND} events.json`;
    throw new UsageError(`--${kind} ${name} cannot be read: ${(error as NodeJS.ErrnoException).code}. It is written by: ${written}`);
  }
  return auditFile(kind, text, name, cwd);
}

/** What each product's settings are, with all of its features. */
function featuresOn(project: Project, stack: string): Record<string, string> {
  const { config } = readStack(project, stack);
  return Object.fromEntries(
    systems.map(({ name, features }) => {
      const key = `${project.name}:${configName(name)}`;
      return [key, JSON.stringify({ ...JSON.parse(config[key] ?? "{}"), features: Object.keys(features) })];
    }),
  );
}

async function reportOf(told: Audit, format: Format, paper: Paper): Promise<string> {
  switch (format) {
    case "json":
      return stableJson((await import("../report/audit.ts")).auditJson(told));
    case "sarif":
      return `${JSON.stringify(sarifOf(told, version(), RULES), null, 2)}\n`;
    case "html":
      return (await import("../report/html/audit.ts")).auditHtml(told);
    case "text":
      return auditText(told, paper);
  }
}

interface Options {
  readonly stack?: string;
  readonly run: boolean;
  readonly everyFeature: boolean;
  readonly config: Overrides;
  readonly maxAgeDays: number;
  readonly file?: { readonly kind: "state" | "events"; readonly name: string };
  readonly format: Format;
  readonly out?: string;
  readonly failOn: string;
  readonly cwd: string;
}

function parse({ values }: Given): Options {
  const given = values as Partial<Record<string, never>>;
  const { stack, run = false, config = [], state, events, json = false, out, cwd = process.cwd() } = given;
  const {
    format = json ? "json" : "text",
    "fail-on": failOn = "low",
    "max-age": maxAge = "365",
    "every-feature": everyFeature = false,
  } = given;
  const files = (["state", "events"] as const).filter((kind) => given[kind] !== undefined);
  if (files.length + (stack === undefined ? 0 : 1) > 1)
    throw new UsageError("Give one of --stack, --state and --events: slipway audit --stack prod");
  if (!FORMATS.includes(format as Format)) throw new UsageError(`--format takes ${FORMATS.join(", ")}, not "${format}": --format sarif`);
  if (![...SEVERITIES, "none"].includes(failOn))
    throw new UsageError(`--fail-on takes ${SEVERITIES.join(", ")} or none, not "${failOn}": --fail-on high`);
  const [kind] = files;
  return {
    ...{ run, everyFeature, failOn, cwd },
    config: overridesOf(config),
    maxAgeDays: wholeNumber(maxAge, { flag: "--max-age", unit: "days", example: "--max-age 180" }),
    format: format as Format,
    ...(stack !== undefined && { stack }),
    ...(kind !== undefined && { file: { kind, name: (kind === "state" ? state : events) as unknown as string } }),
    ...(out !== undefined && { out }),
  };
}
