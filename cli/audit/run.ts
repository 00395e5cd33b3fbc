import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { auditFile } from "../../audit/audit.ts";
import { RULES } from "../../audit/rules.ts";
import { stableJson } from "../../engine/mask.ts";
import { type Audit, SEVERITIES } from "../../report/audit.ts";
import { EVENT_LOG_COMMAND } from "../../report/plan/event-log.ts";
import { sarifOf } from "../../report/sarif.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import type { Layout, Terminal } from "../shared/terminal.ts";
import { version } from "../shared/version.ts";
import type { AuditOptions } from "./flags.ts";
import { auditInProcess } from "./process.ts";
import { formatAudit, formatSummary } from "./text.ts";

/** Findings that --fail-on counts. */
export const FINDINGS = 10;

/** @returns the exit code. */
export async function runAudit(options: AuditOptions, terminal: Terminal): Promise<number> {
  const { failOn, json, format = json ? "json" : "text" } = options;
  const file = fileOf(options);
  // Resolved before this process changes to the program's directory.
  const out = options.out === undefined ? undefined : path.resolve(options.out);
  const result = file === undefined ? await auditInProcess(options) : auditExport(file, options.cwd);
  const report = await formatReport(result, format, terminal);
  if (out === undefined) terminal.print(report);
  else {
    mkdirSync(path.dirname(out), { recursive: true });
    writeFileSync(out, report.endsWith("\n") ? report : `${report}\n`);
    terminal.log(formatSummary(result));
  }
  const counted = failOn === "none" ? [] : SEVERITIES.slice(0, SEVERITIES.indexOf(failOn) + 1);
  if (result.findings.some(({ severity }) => counted.includes(severity))) return FINDINGS;
  return result.failure === undefined ? DONE : FAILED;
}

interface ExportedFile {
  readonly kind: "state" | "events";
  readonly name: string;
}

function fileOf({ stack, state, events }: AuditOptions): ExportedFile | undefined {
  if ([stack, state, events].filter((given) => given !== undefined).length > 1)
    throw new UsageError("Give one of --stack, --state and --events: slipway audit --stack prod");
  if (state !== undefined) return { kind: "state", name: state };
  return events === undefined ? undefined : { kind: "events", name: events };
}

function auditExport({ kind, name }: ExportedFile, cwd: string): Audit {
  let text: string;
  try {
    text = readFileSync(path.resolve(cwd, name), "utf8");
  } catch (error) {
    const command = kind === "state" ? "pulumi stack export --file state.json" : `${EVENT_LOG_COMMAND} events.json`;
    throw new UsageError(`--${kind} ${name} cannot be read: ${(error as NodeJS.ErrnoException).code}. Write it: ${command}`);
  }
  return auditFile(kind, text, name, cwd);
}

async function formatReport(result: Audit, format: NonNullable<AuditOptions["format"]>, layout: Layout): Promise<string> {
  switch (format) {
    case "json":
      return stableJson((await import("../../report/audit.ts")).auditJson(result));
    case "sarif":
      return `${JSON.stringify(sarifOf(result, version(), RULES), null, 2)}\n`;
    case "html":
      return (await import("../../report/html/audit.ts")).auditHtml(result);
    case "text":
      return formatAudit(result, layout);
  }
}
