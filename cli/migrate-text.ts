/** What the verbs of `slipway migrate` found, for the eye. */
import type {
  BaselineResult,
  DownResult,
  Finding,
  LintResult,
  PlanResult,
  StatusResult,
  UpResult,
  VerifyResult,
} from "../postdeploy/migrate/index.ts";
import { describeMismatch } from "../postdeploy/migrate/ledger/compare.ts";
import { counted } from "./count.ts";
import type { Style } from "./terminal.ts";

export function upText({ applied, reformatted }: UpResult, style: Style): string {
  const said = applied.length === 0 ? "Nothing is pending." : style.good(`${counted(applied.length, "file")} applied.`);
  return [said, ...reformattedLines(reformatted)].join("\n");
}

export function downText({ reverted }: DownResult, style: Style): string {
  return reverted.length === 0
    ? "Nothing is applied."
    : style.good(`${counted(reverted.length, "file")} taken back: ${reverted.join(", ")}`);
}

export function statusText(result: StatusResult, style: Style): string {
  const { database, role, serverVersion, ledger, files, mismatches, findings, drift, brokenIndexes } = result;
  const head = `${style.bold(database)}  Postgres ${serverVersion}, as ${role}, ${ledger ? `ledger in schema ${ledger.schema}${ledger.system ? ` of ${ledger.system}` : ""}` : "no ledger yet"}`;
  const width = Math.max(0, ...files.map(({ file }) => file.length));
  const lines = files.map(({ file, state, at, by, note, progress, back }) => {
    const color =
      state === "pending" || state === "running" || state === "reformatted"
        ? style.warn
        : state === "edited" || state === "missing"
          ? style.bad
          : style.good;
    const when = at === undefined ? "" : `${at.slice(0, 19)} by ${by}`;
    const way = back === "none" ? "no way back" : typeof back === "object" ? `irreversible: ${back.irreversible}` : "";
    const step = progress === undefined ? "" : `${progress[0]} of ${progress[1]} statements`;
    return `  ${file.padEnd(width)}  ${color(state.padEnd(11))} ${style.dim([when, step, note, way].filter((part) => part).join("; "))}`.trimEnd();
  });
  return [
    head,
    ...lines,
    ...section(style.bad("Folder and ledger do not fit:"), mismatches.map(describeMismatch)),
    ...section(
      style.warn("Findings:"),
      findings.filter(({ severity }) => severity !== "note").map((finding) => findingText(finding, style)),
    ),
    ...section(
      style.warn("Changed by hand since the last run:"),
      (drift ?? []).map((one) => `  ${differenceText(one)}`),
    ),
    ...section(
      style.bad("Indexes that do not work:"),
      brokenIndexes.map(
        ({ schema, name, table }) => `  ${schema}.${name} on ${table}: REINDEX INDEX CONCURRENTLY ${schema}.${name}, or drop it`,
      ),
    ),
    "",
    result.pending.length === 0 ? "Nothing is pending." : style.warn(`${result.pending.length} pending.`),
  ].join("\n");
}

export function planText({ database, files, mismatches, findings }: PlanResult, style: Style): string {
  if (files.length === 0 && mismatches.length === 0) return `${style.bold(database)}: nothing is pending.`;
  const blocks = files.flatMap(({ file, why, transaction, statements, reversible, locks }) => [
    style.bold(file) +
      style.dim(
        `  ${counted(statements, "statement")}${transaction ? "" : ", without a transaction"}${why === "first" ? "" : `, ${why}`}; ${reversible === true ? "can be taken back" : reversible === false ? "no way back" : `irreversible: ${reversible}`}`,
      ),
    ...(locks.length === 0 ? [style.dim("  touches no table that is in use")] : []),
    ...locks.map(({ table, line, lock, blocks: whom, work, bytes, rows }) => {
      const size = bytes === undefined ? "not there yet" : `${size_(bytes)}, about ${counted(Math.round(rows ?? 0), "row")}`;
      const does =
        work === "none"
          ? ""
          : work === "scan"
            ? ", reads every row"
            : work === "rewrite"
              ? ", writes every row anew"
              : ", may write every row anew";
      const said = `  ${table} (${size}): ${lock}, ${whom === "nothing" ? "keeps nobody waiting" : `keeps ${whom} waiting`}${does}`;
      return `${whom === "reads and writes" || whom === "writes" ? style.warn(said) : said} ${style.dim(`line ${line}`)}`;
    }),
  ]);
  return [
    `${style.bold(database)}: ${counted(files.length, "file")} pending`,
    "",
    ...blocks,
    ...section(style.bad("Folder and ledger do not fit:"), mismatches.map(describeMismatch)),
    ...section(
      style.warn("Findings:"),
      findings.filter(({ severity }) => severity !== "note").map((finding) => findingText(finding, style)),
    ),
  ].join("\n");
}

export function verifyText({ ok, rehearsal, real }: VerifyResult, style: Style): string {
  const width = Math.max(0, ...rehearsal.map(({ file }) => file.length));
  const words = {
    equal: style.good("up, down, up: equal"),
    different: style.bad("differs"),
    irreversible: style.dim("irreversible"),
    "no-way-back": style.bad("no way back"),
    repeatable: style.good("twice: equal"),
  };
  const lines = rehearsal.flatMap(({ file, outcome, reason, afterDown, afterUp }) => [
    `  ${file.padEnd(width)}  ${words[outcome]}${reason === undefined ? "" : style.dim(`: ${reason}`)}`,
    ...afterDown.map((one) => `    after the way back: ${differenceText(one)}`),
    ...afterUp.map((one) => `    the second time: ${differenceText(one)}`),
  ]);
  return [
    style.bold("Replayed into a shadow database"),
    ...lines,
    ...(real === undefined
      ? []
      : [
          ...section(style.bad("Folder and ledger do not fit:"), real.mismatches.map(describeMismatch)),
          ...section(
            style.bad("Otherwise than the files make it:"),
            real.differences.map((one) => `  ${differenceText(one)}`),
          ),
          ...section(
            style.warn("Changed by hand since the last run:"),
            real.drift.map((one) => `  ${differenceText(one)}`),
          ),
          ...section(
            style.bad("Indexes that do not work:"),
            real.brokenIndexes.map(({ schema, name }) => `  ${schema}.${name}`),
          ),
          ...section(
            style.bad("Constraints never checked for old rows:"),
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

export function lintText({ findings, ok }: LintResult, style: Style): string {
  const shown = findings.map((finding) => findingText(finding, style));
  const open = findings.filter(({ severity, allowed }) => severity !== "note" && allowed === undefined).length;
  return [
    ...shown,
    ...(shown.length === 0 ? [] : [""]),
    ok ? style.good("Nothing to object to.") : style.bad(counted(open, "objection")),
  ].join("\n");
}

/** What GitHub shows beside the line in a pull request. */
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

export function baselineText({ baselined, adopted, pending }: BaselineResult, style: Style): string {
  return [
    style.good(`${counted(baselined.length, "file")} ${baselined.length === 1 ? "counts" : "count"} as applied.`),
    ...baselined.map((file) => `  ${file}`),
    ...section(
      `Kept as history from the former ledger:`,
      adopted.map((file) => `  ${file}`),
    ),
    ...section(
      "Pending; these tables are not there yet and come with them:",
      pending.map(({ file, absent }) => `  ${file}${absent.length === 0 ? "" : `: ${absent.join(", ")}`}`),
    ),
  ].join("\n");
}

function findingText({ severity, file, line, column, rule, message, fix, allowed }: Finding, style: Style): string {
  const color = allowed !== undefined || severity === "note" ? style.dim : severity === "error" ? style.bad : style.warn;
  const place = [file, line, column].filter((part) => part !== undefined).join(":");
  return [
    `${place}: ${color(`${allowed === undefined ? severity : "allowed"} ${rule}`)}: ${message}${allowed === undefined ? "" : ` (${allowed})`}`,
    ...(fix === undefined || allowed !== undefined ? [] : [`    ${fix}`]),
  ].join("\n");
}

function differenceText({ kind, name, was, is }: { kind: string; name: string; was?: string; is?: string }): string {
  const short = (value: string) => value.replace(/\s+/g, " ").trim().slice(0, 100);
  if (was === undefined) return `${kind} ${name} is new${is ? `: ${short(is)}` : ""}`;
  if (is === undefined) return `${kind} ${name} is gone${was ? `: ${short(was)}` : ""}`;
  return `${kind} ${name} was ${short(was)} and is ${short(is)}`;
}

function reformattedLines(files: readonly string[]): string[] {
  return files.length === 0 ? [] : [`Only reformatted or commented since they were applied, which changes nothing: ${files.join(", ")}`];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

function size_(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
