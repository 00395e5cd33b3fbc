/** Examinations as text: the facts, then the findings, the worst first. */
import { type Examination, type Finding, isAboveInfo } from "../../operate/doctor/finding.ts";
import { visible } from "../../report/escape.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Layout, Style } from "../shared/terminal.ts";
import { padEnd } from "../shared/width.ts";
import { wrap } from "../shared/wrap.ts";

export function formatDiagnosis(examinations: readonly Examination[], layout: Layout): string {
  const findings = examinations.flatMap((one) => one.findings);
  return [...examinations.map((one) => formatExamination(one, layout)), formatSummary(findings, layout.style)].join("\n\n");
}

function formatExamination({ name, at, facts, findings, unchecked }: Examination, { columns, style }: Layout): string {
  const width = Math.max(0, ...facts.map((fact) => fact.name.length));
  return [
    `${style.bold(name)}  ${at}`,
    ...facts.flatMap((fact) => hang(`  ${padEnd(fact.name, width)}  `, visible(fact.value), columns)),
    ...unchecked.flatMap((text) => hang("  not checked: ", visible(text), columns).map(style.dim)),
    ...ORDER.flatMap((severity) => findings.filter((one) => one.severity === severity)).map((finding) =>
      formatFinding(finding, { columns, style }),
    ),
  ].join("\n");
}

const ORDER = ["error", "warning", "info"] as const;

function formatFinding({ id, severity, subject, evidence, next }: Finding, { columns, style }: Layout): string {
  const color = severity === "error" ? style.bad : severity === "warning" ? style.warn : style.dim;
  const typed = [
    ...(next.sql ?? []).map((statement) => `${statement};`),
    ...(next.valkey ?? []),
    ...(next.command === undefined ? [] : [next.command]),
  ];
  return [
    "",
    `  ${color(severity)}  ${style.bold(id)}`,
    ...hang("    ", visible(subject), columns),
    ...hang("    ", visible(evidence), columns),
    ...hang("    Next: ", visible(next.text), columns),
    // On one line, where they can be copied as they are.
    ...typed.map((line) => `      ${visible(line)}`),
  ].join("\n");
}

/** Continued below the end of its label. */
const hang = (label: string, text: string, columns: number): string[] =>
  wrap(text, columns - label.length).map((line, index) => `${index === 0 ? label : " ".repeat(label.length)}${line}`.trimEnd());

function formatSummary(findings: readonly Finding[], style: Style): string {
  const counted = findings.filter(isAboveInfo).length;
  const infos = findings.length - counted;
  const text = `${pluralize(counted, "finding")}${infos === 0 ? "" : `, and ${infos} for information`}.`;
  return counted === 0 ? style.good(text) : style.bad(text);
}
