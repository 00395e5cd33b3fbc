/** Prints the outcomes of `slipway data`. */
import path from "node:path";
import type { ExportResult } from "../../data/export.ts";
import type { ImportResult } from "../../data/import.ts";
import type { RejectionGroup } from "../../data/rejections.ts";
import type { ComparedEntity, ValidateResult } from "../../data/validate.ts";
import { counted } from "../../report/words.ts";
import type { Layout } from "../shared/terminal.ts";
import { table } from "../shared/width.ts";
import { formatBytes } from "./progress.ts";

interface Names {
  readonly system: string;
  readonly stack: string | undefined;
  /** The file of the kept record. */
  readonly record?: string | undefined;
}

/** What a comparison does not show. It is printed with every outcome. */
export const CANNOT_CATCH: readonly string[] = [
  "what the application writes after the files were read, or after the snapshot of the database",
  "a value that is wrong on both sides, and a transformation that is declared wrongly",
  "fields that the mapping ignores",
  "rows that were deleted before, in the files and in the database",
];

const SHOWN = 10;
const number = (count: number): string => count.toLocaleString("en");
const title = ({ system, stack }: Names): string => `${system}${stack === undefined ? "" : ` of stack ${stack}`}`;

export function formatImport(result: ImportResult, names: Names, { style }: Layout): string {
  const { outcome, entities, rejected, ms } = result;
  const headings = ["", "in the files", "inserted", "updated", "kept", "unchanged", "rejected"];
  const rows = entities.map(({ entity, read, inserted, updated, kept, unchanged, rejected }) => [
    entity,
    ...[read, inserted, updated, kept, unchanged, rejected].map(number),
  ]);
  const sum = (count: (one: ImportResult["entities"][number]) => number) => entities.reduce((total, one) => total + count(one), 0);
  const written = sum(({ inserted, updated }) => inserted + updated);
  const changes = entities.flatMap(({ entity, changes }) => Object.entries(changes).map(([rule, count]) => [entity, rule, number(count)]));
  return [
    style.bold(title(names)),
    ...table(alignNumbers([headings, ...rows])),
    ...section("Changed by rules of the mapping:", table(changes)),
    ...formatIgnored(result.ignoredFiles),
    ...formatRejections(result.rejections, rejected, result.rejectedFile),
    "",
    outcome === "rejected"
      ? style.bad(
          `Nothing was imported, because ${counted(rejected, "row")} ${rejected === 1 ? "is" : "are"} rejected. Correct the files or the mapping; or import the others: --skip-rejected`,
        )
      : outcome === "checked"
        ? `Nothing was imported (--dry-run). An import would write ${counted(written, "row")}.`
        : [
            style.good(
              formatWritten(
                written,
                sum(({ kept }) => kept),
                ms,
              ),
            ),
            ...(rejected === 0 ? [] : [style.warn(`${counted(rejected, "row")} rejected.`)]),
          ].join(" "),
  ].join("\n");
}

function formatWritten(written: number, kept: number, ms: number): string {
  if (written > 0) return `Imported ${counted(written, "row")} in ${formatSeconds(ms)}.`;
  if (kept > 0) return `Nothing was written. ${counted(kept, "row")} of the database stayed, as the mapping declares.`;
  return "Nothing to import: the database has every row.";
}

export function formatValidate(result: ValidateResult, names: Names, { style }: Layout): string {
  const { entities, accuracy, outcome, threshold, at } = result;
  const headings = ["", "in the files", "in the database", "matched", "missing", "extra", "different", "rejected", "accuracy"];
  const rows = entities.map(({ entity, read, rows, matched, missing, extra, differing, rejected, accuracy }) => [
    entity,
    ...[read, rows, matched, missing, extra, differing, rejected].map(number),
    formatAccuracy(accuracy),
  ]);
  const isPassed = outcome === "passed";
  return [
    `${style.bold(title(names))}, compared with the database as it was at ${at}`,
    ...table(alignNumbers([headings, ...rows])),
    ...entities.flatMap((entity) => formatDifferences(entity)),
    ...formatIgnored(result.ignoredFiles),
    ...section(
      "Fields that are not compared:",
      Object.entries(result.ignoredFields).map(([field, reason]) => `  ${field}: ${reason}`),
    ),
    ...formatRejections(
      result.rejections,
      entities.reduce((sum, { rejected }) => sum + rejected, 0),
      result.rejectedFile,
    ),
    ...section(
      "A comparison cannot show:",
      CANNOT_CATCH.map((line) => `  - ${line}`),
    ),
    "",
    isPassed
      ? style.good(`Passed: ${formatAccuracy(accuracy)} of all rows match.${threshold === 100 ? "" : ` Required are ${threshold} %.`}`)
      : style.bad(`Not passed: ${outcome}.`),
    ...formatRecord(names),
  ].join("\n");
}

interface Exported extends Pick<ExportResult, "files" | "rows" | "at" | "ms"> {
  readonly places: readonly string[];
  readonly isEncrypted: boolean;
}

export function formatExport({ places, isEncrypted, files, rows, at, ms }: Exported, names: Names, { style }: Layout): string {
  return [
    `${style.bold(title(names))}, as it was at ${at}`,
    ...table(
      alignNumbers([["", "records", "size"], ...files.map(({ name, records, bytes }) => [name, number(records), formatBytes(bytes)])]),
    ),
    "",
    style.good(
      `Exported ${counted(
        Object.values(rows).reduce((sum, count) => sum + count, 0),
        "row",
      )} in ${formatSeconds(ms)} to ${places.map((place) => (isEncrypted ? place : shorten(place))).join(" and ")}${isEncrypted ? ", encrypted" : ""}. Every row was read back and is equal.`,
    ),
    ...formatRecord(names),
  ].join("\n");
}

const formatRecord = ({ record }: Names): string[] => (record === undefined ? [] : [`Record: ${shorten(record)}`]);

const formatAccuracy = (accuracy: number | undefined): string => (accuracy === undefined ? "n/a" : `${accuracy} %`);

function formatDifferences({ entity, fields, examples }: ComparedEntity): string[] {
  if (examples.length === 0) return [];
  const different = Object.entries(fields).map(([field, count]) => `${field} in ${counted(count, "row")}`);
  return section(`${entity}:`, [
    ...(different.length === 0 ? [] : [`  different: ${different.join(", ")}`]),
    ...examples.map(
      ({ kind, key, fields }) =>
        `  ${kind === "differing" ? "different" : kind} ${key}${fields === undefined ? "" : `: ${fields.join(", ")}`}`,
    ),
  ]);
}

const formatIgnored = (files: ImportResult["ignoredFiles"]): string[] =>
  section(
    "Files that the mapping ignores:",
    files.map(({ name, reason }) => `  ${name}: ${reason}`),
  );

function formatRejections(groups: readonly RejectionGroup[], total: number, file: string | undefined): string[] {
  if (file === undefined) return [];
  return section("Rejected:", [
    ...groups.slice(0, SHOWN).flatMap(({ entity, path: field, problem, first, count }) => {
      const place = `${first.file}, record ${first.record}${first.path === "" ? "" : `, ${first.path}`}`;
      return [`  ${entity}${field === "" ? "" : ` ${field}`}: ${problem}`, `    ${counted(count, "row")}, the first one in ${place}`];
    }),
    ...(groups.length > SHOWN ? [`  and ${counted(groups.length - SHOWN, "other reason")}`] : []),
    `${counted(total, "row")} in the list, without their values: ${shorten(file)}`,
  ]);
}

/** Numbers end in one line below each other. */
function alignNumbers(rows: readonly (readonly string[])[]): string[][] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => (column === 0 ? cell : cell.padStart(widths[column]!))));
}

function section(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", heading, ...lines];
}

const formatSeconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function shorten(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative;
}
