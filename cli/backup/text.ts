/** What `slipway backup` prints. */
import type { Created } from "../../backup/create.ts";
import type { PostgresRestored } from "../../backup/postgres/restore.ts";
import type { PrunePlan } from "../../backup/prune.ts";
import type { Rehearsal } from "../../backup/rehearse.ts";
import { type Backup, formatBackup, type Unusable } from "../../backup/repository.ts";
import { formatHours, type Status } from "../../backup/status.ts";
import type { ImportedDatabase } from "../../backup/valkey/import.ts";
import type { Verified } from "../../backup/verify.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { pluralize } from "../shared/pluralize.ts";
import type { Layout } from "../shared/terminal.ts";
import type { NewKeys } from "./environment.ts";

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

export function formatList(backups: readonly Backup[], refused: readonly Unusable[], { style }: Layout): string {
  if (backups.length === 0 && refused.length === 0) return "There is no backup. Make one: slipway backup create";
  const rows = backups.map(({ set, id, manifest, copies, hold, records }) => [
    `${set.system}/${set.part}`,
    id,
    formatBytes(manifest.data.bytes),
    pluralize(copies.length, "copy").replace("copys", "copies"),
    describeRecords(records),
    hold === undefined ? "" : `held: ${hold}`,
  ]);
  return [...formatTable(rows), ...refused.map((one) => style.bad(formatUnusable(one)))].join("\n");
}

function describeRecords(records: Backup["records"]): string {
  const last = (kind: string) =>
    records
      .filter((record) => record.kind === kind)
      .at(-1)
      ?.at.slice(0, 10);
  const [rehearsed, verified] = [last("rehearsed"), last("verified")];
  return rehearsed ? `rehearsed ${rehearsed}` : verified ? `verified ${verified}` : "never verified";
}

export function formatVerified({ backup, copies, decrypted, seconds }: Verified): string {
  const how = decrypted ? "decrypted and compared" : "compared, not decrypted (--identity decrypts)";
  return copies
    .map(({ copy, problem }) =>
      problem === undefined
        ? `${backup} is intact in ${copy}: ${how} in ${seconds.toFixed(1)} s`
        : `${backup} is DAMAGED in ${copy}: ${problem}`,
    )
    .join("\n");
}

export function formatRehearsals(results: readonly Rehearsal[], { style }: Layout): string {
  return results
    .map(({ backup, copy, seconds, server, problem }) =>
      problem === undefined
        ? `${style.good("equal")}   ${backup} from ${copy}, on ${server}, in ${seconds.toFixed(1)} s`
        : `${style.bad("FAILED")}  ${backup} from ${copy}, after ${seconds.toFixed(1)} s: ${problem}`,
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

export function formatPrune({ kept, removed, leftovers, refused, foreign }: PrunePlan, done: boolean, { style }: Layout): string {
  const verb = done ? "removed" : "remove";
  return [
    ...kept.map(({ backup, reasons }) => `keep     ${formatBackup(backup)}  ${style.dim(reasons.join("; "))}`),
    ...removed.map((backup) => style.warn(`${verb.padEnd(8)} ${formatBackup(backup)}`)),
    ...leftovers.map(({ key, copy }) => style.warn(`${verb.padEnd(8)} ${key} in ${copy.name}: of a run that did not finish`)),
    ...[...refused, ...foreign].map((one) => `ignore   ${formatUnusable(one)}`),
    removed.length + leftovers.length === 0
      ? "Nothing to remove"
      : done
        ? `Removed ${pluralize(removed.length, "backup")}`
        : `This would remove ${pluralize(removed.length, "backup")}. To do it: slipway backup prune --yes`,
  ].join("\n");
}

export function formatStatus({ sets, refused }: Status, { style }: Layout): string {
  const lines = sets.flatMap(({ set, newest, rehearsed, count, problems }) => [
    `${problems.length === 0 ? style.good("ok") : style.bad("PROBLEM")}  ${set}: ${
      newest
        ? `newest ${formatHours(newest.ageHours)} old, ${formatBytes(newest.bytes)}, in ${newest.copies.join(" and ") || "no copy"}`
        : "none"
    }; ${pluralize(count, "backup")}; ${rehearsed ? `rehearsed ${rehearsed.at.slice(0, 10)}` : "never rehearsed"}`,
    ...problems.map((problem) => `    ${problem}`),
  ]);
  return [...lines, ...refused.map((one) => style.bad(formatUnusable(one)))].join("\n");
}

export function formatKeys({ recipient, signingKey, verifyKey }: NewKeys, file: string): string {
  return [
    `Wrote the secret key that reads backups to ${file}. Keep it, and a copy of it, where no backup is.`,
    "",
    "Where backups are made:",
    `  ${BACKUP_VARIABLES.recipients}=${recipient}`,
    `  ${BACKUP_VARIABLES.signingKey}=${signingKey}`,
    "",
    "Where they are only read:",
    `  ${BACKUP_VARIABLES.verifyKeys}=${verifyKey}`,
  ].join("\n");
}

const formatUnusable = ({ copy, key, reason }: Unusable): string => `${key} in ${copy.name}: ${reason}`;

export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
