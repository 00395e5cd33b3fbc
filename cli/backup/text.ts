/** What `slipway backup` prints. */
import type { Created } from "../../backup/create.ts";
import type { StoredFiles } from "../../backup/json-inventory.ts";
import { formatDataSet } from "../../backup/names.ts";
import type { PostgresRestored } from "../../backup/postgres/restore.ts";
import type { PrunePlan } from "../../backup/prune.ts";
import type { Rehearsal } from "../../backup/rehearse.ts";
import type { Backup, Unusable } from "../../backup/repository.ts";
import { type ExportStatus, formatHours, formatProblem, type Status } from "../../backup/status.ts";
import type { ImportedDatabase } from "../../backup/valkey/import.ts";
import type { Verified } from "../../backup/verify.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import type { StoredExport } from "../data/export-to-copies.ts";
import { groupBy } from "../shared/group-by.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Layout } from "../shared/terminal.ts";
import { displayWidth, padEnd, table } from "../shared/width.ts";
import { wrap } from "../shared/wrap.ts";
import type { WrittenKeys } from "./environment.ts";

export function formatCreated({ manifest, copies, missing }: Created, seconds: number): string {
  const { system, part, id, data, postgres, valkey } = manifest;
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const what = postgres
    ? `${pluralize(sum(postgres.tables.map(({ rows }) => rows)), "row")} in ${pluralize(postgres.tables.length, "table")}, `
    : `${pluralize(sum((valkey?.databases ?? []).map(({ keys }) => keys)), "key")}, `;
  return [
    `Made ${system}/${part}/${id}: ${what}${formatBytes(data.bytes)} in ${seconds.toFixed(1)} s`,
    ...copies.map((copy) => `  complete in ${copy}`),
    ...missing.map(({ copy, reason }) => `  MISSING in ${copy}: ${reason}`),
  ].join("\n");
}

export function formatList(backups: readonly Backup[], { files, refused, copyCount }: Listed, layout: Layout): string {
  const { style } = layout;
  if (backups.length === 0 && files.length === 0 && refused.length === 0) return NO_BACKUP;
  const sets = [...groupBy(backups, ({ set }) => formatDataSet(set))].map(([name, group]) => {
    const rows = table(
      group.map(({ id, manifest, copies, records }) => [
        id,
        formatBytes(manifest.data.bytes),
        formatCopies(copies.length, copyCount),
        describeRecords(records),
      ]),
    );
    const lines = group.flatMap(({ copies, hold }, index) => [
      copies.length < copyCount ? style.bad(rows[index]!) : rows[index]!,
      ...(hold === undefined ? [] : hang("    held: ", hold, layout)),
    ]);
    return [style.bold(name), ...lines].join("\n");
  });
  const stored = [...groupBy(files, ({ system, kind }) => `${system}/${kind}`)].map(([name, group]) => {
    const rows = table(
      group.map(({ id, bytes, copies, manifest }) => [
        id,
        formatBytes(bytes),
        formatCopies(copies.length, copyCount),
        pluralize(manifest.files.length, "file"),
      ]),
    );
    const lines = group.map(({ copies }, index) => (copies.length < copyCount ? style.bad(rows[index]!) : rows[index]!));
    return [style.bold(name), ...lines].join("\n");
  });
  return [...sets, ...stored, ...formatRefused(refused, layout)].join("\n\n");
}

interface Listed {
  /** Archives and exports of JSON files. */
  readonly files: readonly StoredFiles[];
  readonly refused: readonly Unusable[];
  /** Of the repository: a backup in fewer copies is marked. */
  readonly copyCount: number;
}

const formatCopies = (count: number, all: number): string => (count < all ? `${count} of ${countCopies(all)}` : countCopies(count));

export const NO_BACKUP = "There is no backup. Make one: slipway backup create";

const countCopies = (count: number): string => `${count} ${count === 1 ? "copy" : "copies"}`;

function describeRecords(records: Backup["records"]): string {
  const last = (kind: string) =>
    records
      .filter((record) => record.kind === kind)
      .at(-1)
      ?.at.slice(0, 10);
  const [rehearsed, verified] = [last("rehearsed"), last("verified")];
  return rehearsed ? `rehearsed ${rehearsed}` : verified ? `verified ${verified}` : "never verified";
}

export function formatVerified(results: readonly Verified[], refused: readonly Unusable[], layout: Layout): string {
  const { style } = layout;
  const backups = results.map(({ backup, copies, decrypted, seconds }) =>
    [
      style.bold(backup),
      ...copies.flatMap(({ copy, problem }) =>
        problem === undefined ? [`  intact   ${copy}`] : [style.bad(`  DAMAGED  ${copy}`), ...hang("           ", problem, layout)],
      ),
      `  ${decrypted ? "decrypted and compared with the manifest" : "compared with the manifest, not decrypted (needs --identity)"}, in ${seconds.toFixed(1)} s`,
    ].join("\n"),
  );
  return [...backups, ...formatRefused(refused, layout)].join("\n\n");
}

export function formatRehearsals(results: readonly Rehearsal[], layout: Layout): string {
  const { style } = layout;
  return results
    .flatMap(({ backup, copy, seconds, server, problem }) =>
      problem === undefined
        ? [`${style.good("equal")}   ${backup}, on ${server}, in ${seconds.toFixed(1)} s`, `        from ${copy}`]
        : [
            `${style.bad("FAILED")}  ${backup}, after ${seconds.toFixed(1)} s`,
            `        from ${copy}`,
            ...problem.split("\n").flatMap((line) => hang("        ", line, layout)),
          ],
    )
    .join("\n");
}

type Restored = PostgresRestored | { readonly databases: readonly ImportedDatabase[] };

export function describeRestored(restored: Restored): string {
  if ("databases" in restored)
    return `Restored ${restored.databases
      .map(
        ({ database, keys, expired }) =>
          `${pluralize(keys, "key")} in database ${database}${expired > 0 ? ` (${expired} had expired)` : ""}`,
      )
      .join(", ")}, equal to the manifest`;
  const { database, rows, tables, createdRoles } = restored;
  const roles = createdRoles.length > 0 ? `, with new roles without a login: ${createdRoles.join(", ")}` : "";
  return `Restored ${database}: ${pluralize(rows, "row")} in ${pluralize(tables, "table")}, equal to the manifest${roles}`;
}

export function formatPrune({ kept, removed, leftovers, refused, foreign }: PrunePlan, done: boolean, layout: Layout): string {
  const { style } = layout;
  const verb = done ? "removed" : "remove";
  const lines = [
    ...kept.map(({ backup, reasons }) => ({ backup, word: "keep", text: reasons.join("; ") })),
    ...removed.map((backup) => ({ backup, word: verb, text: "" })),
  ].sort((one, other) => (one.backup.manifest.startedAt < other.backup.manifest.startedAt ? 1 : -1));
  const sets = [...groupBy(lines, ({ backup }) => formatDataSet(backup.set))].map(([name, group]) =>
    [
      style.bold(name),
      ...group.flatMap(({ backup, word, text }) => {
        const start = `  ${padEnd(word, 7)}  ${backup.id}`;
        return word === "keep" ? hang(`${start}  `, text, layout) : [style.warn(start)];
      }),
    ].join("\n"),
  );
  const rest = leftovers.map(({ key, copy }) => style.warn(`${verb} ${key} in ${copy.name}: from a run that did not finish`));
  const ignored = [...refused, ...foreign].map((one) => `not removed: ${formatUnusable(one)}`);
  const counted = [
    ...(removed.length > 0 ? [pluralize(removed.length, "backup")] : []),
    ...(leftovers.length > 0 ? [`${pluralize(leftovers.length, "object")} of unfinished runs`] : []),
  ].join(" and ");
  const summary =
    counted === ""
      ? "Nothing to remove."
      : done
        ? `Removed ${counted}.`
        : `This would remove ${counted}. To remove them: slipway backup prune --yes`;
  return [...sets, ...paragraph(rest), ...paragraph(ignored), summary].join("\n\n");
}

const paragraph = (lines: readonly string[]): string[] => (lines.length === 0 ? [] : [lines.join("\n")]);

export function formatStatus({ sets, exports, refused }: Status, layout: Layout): string {
  const blocks = [
    ...sets.map((set) => formatSet(set, "backup", [`  rehearsed  ${set.rehearsed ? set.rehearsed.at.slice(0, 10) : "never"}`], layout)),
    ...exports.map((set) => formatSet(set, "export", [], layout)),
  ];
  return [...blocks, ...formatRefused(refused, layout)].join("\n\n");
}

function formatSet(
  { set, newest, count, problems }: ExportStatus,
  word: "backup" | "export",
  more: readonly string[],
  layout: Layout,
): string {
  const { style } = layout;
  return [
    `${problems.length === 0 ? style.good("ok") : style.bad("PROBLEM")}  ${style.bold(set)}: ${pluralize(count, word)}`,
    ...(newest === undefined
      ? []
      : [
          `  newest     ${newest.id}, ${formatHours(newest.ageHours)} old, ${formatBytes(newest.bytes)}`,
          ...newest.copies.map((copy, index) => `  ${index === 0 ? "copies" : "      "}     ${copy}`),
        ]),
    ...more,
    ...problems.flatMap((problem) => hang("  ! ", formatProblem(problem), layout)),
  ].join("\n");
}

interface Extracted {
  readonly stored: string;
  readonly at: string;
  readonly copy: string;
  readonly folder: string;
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
}

export function formatExtracted({ stored, at, copy, folder, files }: Extracted): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return [
    `Wrote ${pluralize(files.length, "file")}, ${formatBytes(bytes)}, of ${stored} to ${folder}, equal to the manifest`,
    `  from ${copy}`,
    `Changes after ${at} are not in ${files.length === 1 ? "it" : "them"}.`,
  ].join("\n");
}

export function formatStoredExport({ exported, archive }: StoredExport, copies: readonly { readonly name: string }[]): string {
  const rows = Object.values(exported.rows).reduce((sum, count) => sum + count, 0);
  return [
    `Exported ${archive.prefix.slice(0, -1)}: ${pluralize(rows, "row")} in ${pluralize(exported.files.length, "file")}, ${formatBytes(archive.bytes)} in ${(exported.ms / 1000).toFixed(1)} s`,
    ...copies.map(({ name }) => `  complete in ${name}`),
  ].join("\n");
}

/** Manifests, data and records that cannot be used, and why. */
function formatRefused(refused: readonly Unusable[], layout: Layout): string[] {
  if (refused.length === 0) return [];
  return [
    [
      layout.style.bad("Cannot be used:"),
      ...refused.flatMap(({ copy, key, reason }) => [`  ${key} in ${copy.name}`, ...hang("    ", reason, layout)]),
    ].join("\n"),
  ];
}

/** A text that continues below its own beginning. */
export function hang(start: string, text: string, { columns }: Layout): string[] {
  const indent = displayWidth(start);
  return wrap(text, columns - indent).map((line, index) => (index === 0 ? start : " ".repeat(indent)) + line);
}

export function formatKeys({ identityFile, variablesFile, recipient, verifyKey }: WrittenKeys): string {
  return [
    `${identityFile}  the secret key that decrypts backups. Keep it, and a copy of it, where no backup is.`,
    `${variablesFile}  the variables of the machine that makes backups, with its signing key.`,
    "",
    "These are not secret:",
    `  ${BACKUP_VARIABLES.recipients}=${recipient}`,
    `  ${BACKUP_VARIABLES.verifyKeys}=${verifyKey}`,
  ].join("\n");
}

export const formatUnusable = ({ copy, key, reason }: Unusable): string => `${key} in ${copy.name}: ${reason}`;

export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
