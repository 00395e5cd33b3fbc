/** An audit as SARIF 2.1.0, with the path of each secret and stable fingerprints. */
import type { CodeFlow, Location, Log, ReportingDescriptor, Result } from "sarif";
import type { Source } from "../engine/plan.ts";
import type { Audit, Finding, Rule, Severity, Station } from "./audit.ts";

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/** GitHub's severities begin at 9, 7 and 4. */
const SCORES: Readonly<Record<Severity, string>> = { critical: "9.5", high: "8.0", medium: "5.5", low: "3.0" };
const LEVELS: Readonly<Record<Severity, "error" | "warning" | "note">> = {
  critical: "error",
  high: "error",
  medium: "warning",
  low: "note",
};

/** @param version of slipway */
export function sarifOf({ stack, findings, suppressed, failure }: Audit, version: string, rules: Readonly<Record<string, Rule>>): Log {
  const all = [...findings.map((finding) => ({ finding })), ...suppressed];
  const used = [...new Set(all.map(({ finding }) => finding.rule))].sort();
  return {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "slipway audit", semanticVersion: version, rules: used.map((id) => descriptor(id, rules[id]!)) } },
        automationDetails: { id: `slipway-audit/${stack}/` },
        columnKind: "utf16CodeUnits",
        originalUriBaseIds: { "%SRCROOT%": { description: { text: "The directory of Pulumi.yaml." } } },
        invocations: [
          {
            executionSuccessful: failure === undefined,
            ...(failure !== undefined && { toolExecutionNotifications: [{ level: "error" as const, message: { text: failure } }] }),
          },
        ],
        results: all.map((one) => ({
          ...result(one.finding, used.indexOf(one.finding.rule)),
          ...("reason" in one && { suppressions: [{ kind: "external" as const, justification: `${one.reason} (until ${one.until})` }] }),
        })),
      },
    ],
  };
}

function descriptor(id: string, { title, why, fix, severity }: Rule): ReportingDescriptor {
  return {
    id,
    name: id.replace(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase()),
    shortDescription: { text: title },
    fullDescription: { text: why },
    help: { text: `${why}\n\n${fix}`, markdown: `${why}\n\n**Fix:** ${fix}` },
    defaultConfiguration: { level: LEVELS[severity] },
    properties: {
      tags: ["security", "secrets"],
      precision: "high",
      "security-severity": SCORES[severity],
      "problem.severity": LEVELS[severity],
    },
  };
}

function result(finding: Finding, ruleIndex: number): Result {
  const { rule, severity, message, fix, fingerprint, source, flow } = finding;
  return {
    ruleId: rule,
    ruleIndex,
    level: LEVELS[severity],
    message: { text: `${message} ${fix}` },
    locations: [located(source, flow.at(-1))],
    partialFingerprints: { "slipwayFinding/v1": fingerprint },
    ...(flow.length > 1 && { codeFlows: [codeFlow(flow)] }),
  };
}

/** A step without a line of its own, such as an output, is placed at the line of the step before it. */
function codeFlow(flow: readonly Station[]): CodeFlow {
  return {
    threadFlows: [
      {
        locations: flow.map((step, index) => ({
          executionOrder: index + 1,
          location: { ...located(step.source ?? sourceBefore(flow, index), step), message: { text: step.what } },
        })),
      },
    ],
  };
}

function sourceBefore(flow: readonly Station[], index: number): Source | undefined {
  return flow.slice(0, index).findLast(({ source }) => source !== undefined)?.source;
}

/** GitHub does not show a result without a file. */
const DEFAULT_SOURCE: Source = { file: "Pulumi.yaml", line: 1 };

function located(source: Source = DEFAULT_SOURCE, step?: Station): Location {
  const name = step?.urn ?? step?.path;
  return {
    physicalLocation: {
      artifactLocation: { uri: source.file.split("/").map(encodeURIComponent).join("/"), uriBaseId: "%SRCROOT%" },
      region: { startLine: source.line },
    },
    ...(name !== undefined && {
      logicalLocations: [{ fullyQualifiedName: name, kind: step?.urn === undefined ? "member" : "resource" }],
    }),
  };
}
