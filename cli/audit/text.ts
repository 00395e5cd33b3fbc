/** An audit as text: every finding with the path of the secret, then the proven secrets. */
import { type Audit, type Finding, type Proof, SEVERITIES, type Station } from "../../report/audit.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Layout } from "../shared/terminal.ts";
import { wrap, wrapAnywhere } from "../shared/wrap.ts";

export function formatAudit(audit: Audit, layout: Layout): string {
  return [
    formatHeading(audit, layout),
    ...audit.findings.map((finding) => formatFinding(finding, layout)),
    formatProofs(audit, layout),
    formatSuppressed(audit, layout),
    formatNotes(audit, layout),
  ]
    .filter((section) => section !== "")
    .join("\n\n");
}

export function formatSummary({ stack, findings, proofs, declared }: Audit): string {
  const counts = SEVERITIES.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}`];
  });
  const result = findings.length === 0 ? "no findings" : `${pluralize(findings.length, "finding")} (${counts.join(", ")})`;
  return `${stack}: ${result}${declared.length === 0 ? "" : `; proved ${proofs.length} of ${pluralize(declared.length, "secret")}`}`;
}

function formatHeading(audit: Audit, { columns, style }: Layout): string {
  const { failure } = audit;
  return [
    ...wrap(formatSummary(audit), columns).map(style.bold),
    ...(failure === undefined ? [] : ["", ...fold(`The program failed, so nothing is proved: ${failure}`, columns, "").map(style.bad)]),
  ].join("\n");
}

function formatFinding({ rule, severity, message, source, flow, fix, fingerprint }: Finding, { columns, style }: Layout): string {
  const look = severity === "critical" || severity === "high" ? style.bad : style.warn;
  return [
    ...fold(`${severity}  ${rule}${source === undefined ? "" : `  ${source.file}:${source.line}`}`, columns, "").map(look),
    ...fold(message, columns, "  "),
    ...formatPath(flow, columns).map(style.dim),
    ...fold(`Fix: ${fix}`, columns, "  "),
    ...fold(`fingerprint ${fingerprint}`, columns, "  ").map(style.dim),
  ].join("\n");
}

function formatPath(flow: readonly Station[], columns: number): string[] {
  if (flow.length < 2) return [];
  return flow.flatMap(({ what }, index) => fold(what, columns, index === 0 ? "  " : "  → "));
}

function formatProofs({ proofs }: Audit, { columns, style }: Layout): string {
  if (proofs.length === 0) return "";
  return [style.bold("Proved"), ...proofs.flatMap((proof) => formatProof(proof, columns, style))].join("\n");
}

function formatProof({ secret, strength, flow }: Proof, columns: number, style: Layout["style"]): string[] {
  const [head = "", ...more] = fold(secret, columns, `  ${strength}  `);
  return [
    head.replace(strength, style.good),
    ...more,
    ...flow.flatMap(({ what }, index) => fold(what, columns, index === 0 ? "    " : "    → ")),
  ];
}

function formatSuppressed({ suppressed }: Audit, { columns, style }: Layout): string {
  if (suppressed.length === 0) return "";
  return [
    style.bold("Suppressed"),
    ...suppressed.flatMap(({ finding, reason, until }) =>
      fold(`${finding.rule}: ${finding.message} Until ${until}: ${reason}`, columns, "  "),
    ),
  ].join("\n");
}

function formatNotes({ notes: lines }: Audit, { columns }: Layout): string {
  return lines.flatMap((note) => fold(note, columns, "")).join("\n");
}

/** Lines continue below the beginning of the text. A word longer than a line is broken. */
function fold(text: string, columns: number, indent: string): string[] {
  const width = Math.max(8, columns - indent.length);
  return text
    .split("\n")
    .flatMap((line) => (line === "" ? [] : wrapAnywhere(line, width)))
    .map((line, index) => (index === 0 ? indent : " ".repeat(indent.length)) + line);
}
