/** The results of `slipway migrate` as text. */
import type {
  BaselineResult,
  DownResult,
  Finding,
  LintResult,
  PlanResult,
  StatusResult,
  UpResult,
  VerifyResult,
} from "../../postdeploy/migrate/index.ts";
import { describeMismatch } from "../../postdeploy/migrate/ledger/compare.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Style } from "../shared/terminal.ts";
import { displayWidth, padEnd } from "../shared/width.ts";

export function formatUp({ applied, reformatted }: UpResult, style: Style): string {
  const summary = applied.length === 0 ? "Nothing is pending." : style.good(`${pluralize(applied.length, "file")} applied.`);
  return [summary, ...formatReformatted(reformatted)].join("\n");
}

export function formatDown({ reverted }: DownResult, style: Style): string {
  return reverted.length === 0
    ? "Nothing is applied."
    : style.good(`${pluralize(reverted.length, "file")} reverted: ${reverted.join(", ")}`);
}

export function formatStatus(result: StatusResult, style: Style): string {
  const { database, role, serverVersion, ledger, files, mismatches, findings, drift, brokenIndexes } = result;
  const ledgerText = ledger ? `ledger ${ledger.schema}${ledger.system ? ` for ${ledger.system}` : ""}` : "no ledger yet";
  const head = `${style.bold(database)}  Postgres ${serverVersion}, role ${role}, ${ledgerText}`;
  const width = Math.max(0, ...files.map(({ file }) => displayWidth(file)));
  const lines = files.map(({ file, state, at, by, note, progress, back }) => {
    const color =
      state === "pending" || state === "running" || state === "reformatted"
        ? style.warn
        : state === "edited" || state === "missing"
          ? style.bad
          : style.good;
    const when = at === undefined ? "" : `${at.slice(0, 19)} by ${by}`;
    const down = back === "none" ? "no down migration" : typeof back === "object" ? `irreversible: ${back.irreversible}` : "";
    const step = progress === undefined ? "" : `${progress[0]} of ${progress[1]} statements`;
    return `  ${padEnd(file, width)}  ${color(state.padEnd(11))} ${style.dim([when, step, note, down].filter((part) => part).join("; "))}`.trimEnd();
  });
  return [
    head,
    ...lines,
    ...section(style.bad("Applied migrations do not match the files:"), mismatches.map(describeMismatch)),
    ...section(
      style.warn("Findings:"),
      findings.filter(({ severity }) => severity !== "note").map((finding) => formatFinding(finding, style)),
    ),
    ...section(
      style.warn("Schema drift since the last run:"),
      (drift ?? []).map((difference) => `  ${formatDifference(difference)}`),
    ),
    ...section(
      style.bad("Invalid indexes:"),
      brokenIndexes.map(
        ({ schema, name, table }) => `  ${schema}.${name} on ${table}: REINDEX INDEX CONCURRENTLY ${schema}.${name}, or drop it`,
      ),
    ),
    "",
    result.pending.length === 0 ? "Nothing is pending." : style.warn(`${result.pending.length} pending.`),
  ].join("\n");
}

export function formatPlan({ database, files, mismatches, findings }: PlanResult, style: Style): string {
  if (files.length === 0 && mismatches.length === 0) return `${style.bold(database)}: nothing is pending.`;
  const blocks = files.flatMap(({ file, why, transaction, statements, reversible, locks }) => [
    style.bold(file) +
      style.dim(
        `  ${pluralize(statements, "statement")}${transaction ? "" : ", without a transaction"}${why === "first" ? "" : `, ${why}`}; ${reversible === true ? "has a down migration" : reversible === false ? "no down migration" : `irreversible: ${reversible}`}`,
      ),
    ...(locks.length === 0 ? [style.dim("  locks no existing table")] : []),
    ...locks.map(({ table, line, lock, blocks: blocked, work, bytes, rows }) => {
      const size = bytes === undefined ? "does not exist yet" : `${formatSize(bytes)}, about ${pluralize(Math.round(rows ?? 0), "row")}`;
      const effect =
        work === "none"
          ? ""
          : work === "scan"
            ? ", scans the table"
            : work === "rewrite"
              ? ", rewrites the table"
              : ", may rewrite the table";
      const text = `  ${table} (${size}): ${lock}, ${blocked === "nothing" ? "does not block" : `blocks ${blocked}`}${effect}`;
      return `${blocked === "reads and writes" || blocked === "writes" ? style.warn(text) : text} ${style.dim(`line ${line}`)}`;
    }),
  ]);
  return [
    `${style.bold(database)}: ${pluralize(files.length, "file")} pending`,
    "",
    ...blocks,
    ...section(style.bad("Applied migrations do not match the files:"), mismatches.map(describeMismatch)),
    ...section(
      style.warn("Findings:"),
      findings.filter(({ severity }) => severity !== "note").map((finding) => formatFinding(finding, style)),
    ),
  ].join("\n");
}

export function formatVerify({ ok, rehearsal, real }: VerifyResult, style: Style): string {
  const width = Math.max(0, ...rehearsal.map(({ file }) => displayWidth(file)));
  const words = {
    equal: style.good("up, down, up: equal"),
    different: style.bad("differs"),
    irreversible: style.dim("irreversible"),
    "no-way-back": style.bad("no down migration"),
    repeatable: style.good("twice: equal"),
  };
  const lines = rehearsal.flatMap(({ file, outcome, reason, afterDown, afterUp }) => [
    `  ${padEnd(file, width)}  ${words[outcome]}${reason === undefined ? "" : style.dim(`: ${reason}`)}`,
    ...afterDown.map((difference) => `    after down: ${formatDifference(difference)}`),
    ...afterUp.map((difference) => `    after the second up: ${formatDifference(difference)}`),
  ]);
  return [
    style.bold("Replayed into a shadow database"),
    ...lines,
    ...(real === undefined
      ? []
      : [
          ...section(style.bad("Applied migrations do not match the files:"), real.mismatches.map(describeMismatch)),
          ...section(
            style.bad("Schema drift, compared with what the files create:"),
            real.differences.map((difference) => `  ${formatDifference(difference)}`),
          ),
          ...section(
            style.warn("Schema drift since the last run:"),
            real.drift.map((difference) => `  ${formatDifference(difference)}`),
          ),
          ...section(
            style.bad("Invalid indexes:"),
            real.brokenIndexes.map(({ schema, name }) => `  ${schema}.${name}`),
          ),
          ...section(
            style.bad("Constraints not validated for existing rows:"),
            real.unvalidated.map((name) => `  ${name}`),
          ),
          ...section(
            style.warn("Pending:"),
            real.pending.map((name) => `  ${name}`),
          ),
        ]),
    "",
    ok ? style.good("All equal.") : style.bad("Not equal."),
  ].join("\n");
}

export function formatLint({ findings, ok }: LintResult, style: Style): string {
  const lines = findings.map((finding) => formatFinding(finding, style));
  const open = findings.filter(({ severity, allowed }) => severity !== "note" && allowed === undefined).length;
  return [
    ...lines,
    ...(lines.length === 0 ? [] : [""]),
    ok ? style.good("No problems found.") : style.bad(`${pluralize(open, "problem")} found.`),
  ].join("\n");
}

/** Workflow commands, which GitHub shows at the line in a pull request. */
export function annotations(findings: readonly Finding[], folder: string): string[] {
  const data = (value: string) => value.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const property = (value: string) => data(value).replaceAll(":", "%3A").replaceAll(",", "%2C");
  return findings
    .filter(({ allowed }) => allowed === undefined)
    .map(({ severity, file, line, column, rule, message, fix }) => {
      const kind = severity === "note" ? "notice" : severity;
      const place = [
        `file=${property(`${folder}/${file}`)}`,
        ...(line === undefined ? [] : [`line=${line}`]),
        ...(column === undefined ? [] : [`col=${column}`]),
        `title=${property(rule)}`,
      ];
      return `::${kind} ${place.join(",")}::${data(fix === undefined ? message : `${message} ${fix}`)}`;
    });
}

export function formatBaseline({ baselined, adopted, pending }: BaselineResult, style: Style): string {
  return [
    style.good(`${pluralize(baselined.length, "file")} marked as applied.`),
    ...baselined.map((file) => `  ${file}`),
    ...section(
      `Kept as history from the former ledger:`,
      adopted.map((file) => `  ${file}`),
    ),
    ...section(
      "Pending, because they create tables that do not exist yet:",
      pending.map(({ file, absent }) => `  ${file}${absent.length === 0 ? "" : `: ${absent.join(", ")}`}`),
    ),
  ].join("\n");
}

function formatFinding({ severity, file, line, column, rule, message, fix, allowed }: Finding, style: Style): string {
  const color = allowed !== undefined || severity === "note" ? style.dim : severity === "error" ? style.bad : style.warn;
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  return [
    `${place}: ${color(`${allowed === undefined ? severity : "allowed"} ${rule}`)}: ${message}${allowed === undefined ? "" : ` (${allowed})`}`,
    ...(fix === undefined || allowed !== undefined ? [] : [`    ${fix}`]),
  ].join("\n");
}

function formatDifference({ kind, name, was, is }: { kind: string; name: string; was?: string; is?: string }): string {
  const short = (value: string) => value.replace(/\s+/g, " ").trim().slice(0, 100);
  if (was === undefined) return `${kind} ${name} is new${is ? `: ${short(is)}` : ""}`;
  if (is === undefined) return `${kind} ${name} is missing${was ? `: ${short(was)}` : ""}`;
  return `${kind} ${name} was ${short(was)} and is ${short(is)}`;
}

function formatReformatted(files: readonly string[]): string[] {
  return files.length === 0 ? [] : [`Reformatted or commented since they were applied, which changes nothing: ${files.join(", ")}`];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

function formatSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
