/** An audit for the eye: what is wrong with the way that it took, then a line for every secret that is right. */
import { type Audit, type Finding, type Proof, SEVERITIES, type Station } from "../report/audit.ts";
import { counted } from "./count.ts";
import type { Paper } from "./terminal.ts";
import { wrap } from "./wrap.ts";

export function auditText(audit: Audit, paper: Paper): string {
  return [
    summary(audit, paper),
    ...audit.findings.map((one) => findingText(one, paper)),
    proofText(audit, paper),
    suppressedText(audit, paper),
    notes(audit, paper),
  ]
    .filter((section) => section !== "")
    .join("\n\n");
}

/** The one line that says it all. */
export function summaryLine({ stack, findings, proofs, declared }: Audit): string {
  const counts = SEVERITIES.flatMap((severity) => {
    const count = findings.filter((one) => one.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}`];
  });
  const found = findings.length === 0 ? "nothing found" : `${findings.length} found (${counts.join(", ")})`;
  return `${stack}: ${found}${declared.length === 0 ? "" : `; proved ${proofs.length} of ${counted(declared.length, "secret")}`}`;
}

function summary(audit: Audit, { columns, style }: Paper): string {
  const { failure } = audit;
  return [
    ...wrap(summaryLine(audit), columns, " ").map(style.bold),
    ...(failure === undefined ? [] : ["", ...folded(`The program failed, so nothing is proved: ${failure}`, columns, "").map(style.bad)]),
  ].join("\n");
}

function findingText({ rule, severity, message, source, flow, fix, fingerprint }: Finding, { columns, style }: Paper): string {
  const look = severity === "critical" || severity === "high" ? style.bad : style.warn;
  return [
    ...folded(`${severity}  ${rule}${source === undefined ? "" : `  ${source.file}:${source.line}`}`, columns, "").map(look),
    ...folded(message, columns, "  "),
    ...wayText(flow, columns).map(style.dim),
    ...folded(`Fix: ${fix}`, columns, "  "),
    ...folded(`fingerprint ${fingerprint}`, columns, "  ").map(style.dim),
  ].join("\n");
}

function wayText(flow: readonly Station[], columns: number): string[] {
  if (flow.length < 2) return [];
  return flow.flatMap(({ what }, index) => folded(what, columns, index === 0 ? "  " : "  → "));
}

function proofText({ proofs }: Audit, { columns, style }: Paper): string {
  if (proofs.length === 0) return "";
  return [style.bold("Proved"), ...proofs.flatMap((proof) => oneProof(proof, columns, style))].join("\n");
}

function oneProof({ secret, strength, flow }: Proof, columns: number, style: Paper["style"]): string[] {
  const [head = "", ...more] = folded(secret, columns, `  ${strength}  `);
  return [
    head.replace(strength, style.good),
    ...more,
    ...flow.flatMap(({ what }, index) => folded(what, columns, index === 0 ? "    " : "    → ")),
  ];
}

function suppressedText({ suppressed }: Audit, { columns, style }: Paper): string {
  if (suppressed.length === 0) return "";
  return [
    style.bold("Suppressed"),
    ...suppressed.flatMap(({ finding, reason, until }) =>
      folded(`${finding.rule}: ${finding.message} Until ${until}: ${reason}`, columns, "  "),
    ),
  ].join("\n");
}

function notes({ notes: said }: Audit, { columns }: Paper): string {
  return said.flatMap((note) => folded(note, columns, "")).join("\n");
}

/** What goes on stands under what it begins with. A word longer than the line is broken. */
function folded(text: string, columns: number, indent: string): string[] {
  const width = Math.max(8, columns - indent.length);
  return text
    .split("\n")
    .flatMap((line) => wrap(line, width, " "))
    .flatMap((line) => line.match(new RegExp(`.{1,${width}}`, "g")) ?? [])
    .map((line, index) => (index === 0 ? indent : " ".repeat(indent.length)) + line);
}
