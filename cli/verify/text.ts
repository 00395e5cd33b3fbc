/** The report of one system as text: the checks, then the product's own checklist. */
import type { Check, Outcome } from "../../operate/verify/check.ts";
import { visible } from "../../report/escape.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Layout, Style } from "../shared/terminal.ts";
import { wrap } from "../shared/wrap.ts";
import type { Report } from "./report.ts";

export function formatReport({ title, at, checks, checklist }: Report, layout: Layout): string {
  const { style } = layout;
  const head = `${style.bold(title)}  ${style.dim(`${at.slice(0, 19).replace("T", " ")} UTC`)}`;
  const items =
    checklist.length === 0
      ? []
      : [
          "",
          `${style.bold("Checklist")} of the product's documents`,
          ...checklist.flatMap((answer, index) => formatItem(answer, index, layout)),
        ];
  return [head, ...checks.flatMap((check) => formatCheck(check, layout)), ...items, "", summarize(checks, style)].join("\n");
}

const WORDS: Readonly<Record<Outcome, string>> = { passed: "passed  ", failed: "FAILED  ", unproved: "unproved", skipped: "skipped " };

function colored(outcome: Outcome, style: Style): string {
  const paint = { passed: style.good, failed: style.bad, unproved: style.warn, skipped: style.dim }[outcome];
  return paint(WORDS[outcome]);
}

const INDENT = " ".repeat(12);

function formatCheck({ kind, subject, outcome, evidence, log = [], next }: Check, { columns, style }: Layout): readonly string[] {
  const isGood = outcome === "passed" || outcome === "skipped";
  return [
    `  ${colored(outcome, style)}  ${kind.padEnd(10)}  ${visible(subject)}`,
    ...wrap(visible(evidence), columns - INDENT.length).map((line) => `${INDENT}${isGood ? style.dim(line) : line}`),
    ...log.map((line) => style.dim(`${INDENT}| ${visible(line)}`)),
    ...(next === undefined ? [] : wrap(`Next: ${visible(next.text)}`, columns - INDENT.length).map((line) => `${INDENT}${line}`)),
    // On one line, where it can be copied as it is.
    ...(next?.command === undefined ? [] : [`${INDENT}  ${visible(next.command)}`]),
  ];
}

function formatItem({ item, outcome, because }: Report["checklist"][number], index: number, { columns, style }: Layout): readonly string[] {
  const reason = because === "" ? [] : wrap(visible(because), columns - INDENT.length).map((line) => `${INDENT}${style.dim(line)}`);
  return [`  ${colored(outcome, style)}  ${String(index + 1).padStart(2)}. ${item}`, ...reason];
}

function summarize(checks: readonly Check[], style: Style): string {
  const count = (outcome: Outcome) => checks.filter((check) => check.outcome === outcome).length;
  const [failed, unproved] = [count("failed"), count("unproved")];
  const parts = [
    `${count("passed")} passed`,
    ...(unproved > 0 ? [`${unproved} unproved`] : []),
    ...(count("skipped") > 0 ? [`${count("skipped")} skipped`] : []),
  ];
  return failed === 0
    ? style.good(`No check failed: ${parts.join(", ")}.`)
    : style.bad(`${pluralize(failed, "check")} failed; ${parts.join(", ")}.`);
}
