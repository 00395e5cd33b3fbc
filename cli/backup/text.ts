/** What `slipway backup` prints. */
import type { Created } from "../../backup/create.ts";
import { formatDataSet } from "../../backup/names.ts";
import type { PostgresRestored } from "../../backup/postgres/restore.ts";
import type { PrunePlan } from "../../backup/prune.ts";
import type { Rehearsal } from "../../backup/rehearse.ts";
import type { Backup, Unusable } from "../../backup/repository.ts";
import { formatHours, formatProblem, type Status } from "../../backup/status.ts";
import type { ImportedDatabase } from "../../backup/valkey/import.ts";
import type { Verified } from "../../backup/verify.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
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

/** @param copyCount of the repository: a backup in fewer copies is marked. */
export function formatList(
  backups: readonly Backup[],
  { refused, copyCount }: { readonly refused: readonly Unusable[]; readonly copyCount: number },
  layout: Layout,
): string {
  const { style } = layout;
  if (backups.length === 0 && refused.length === 0) return NO_BACKUP;
  const sets = [...groupBy(backups, ({ set }) => formatDataSet(set))].map(([name, group]) => {
    const rows = table(
      group.map(({ id, manifest, copies, records }) => [
        id,
        formatBytes(manifest.data.bytes),
        copies.length < copyCount ? `${copies.length} of ${countCopies(copyCount)}` : countCopies(copies.length),
        describeRecords(records),
      ]),
    );
    const lines = group.flatMap(({ copies, hold }, index) => [
      copies.length < copyCount ? style.bad(rows[index]!) : rows[index]!,
      ...(hold === undefined ? [] : hang("    held: ", hold, layout)),
    ]);
    return [style.bold(name), ...lines].join("\n");
  });
  return [...sets, ...formatRefused(refused, layout)].join("\n\n");
}

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

export function formatStatus({ sets, refused }: Status, layout: Layout): string {
  const { style } = layout;
  const blocks = sets.map(({ set, newest, rehearsed, count, problems }) =>
    [
      `${problems.length === 0 ? style.good("ok") : style.bad("PROBLEM")}  ${style.bold(set)}: ${pluralize(count, "backup")}`,
      ...(newest === undefined
        ? []
        : [
            `  newest     ${newest.id}, ${formatHours(newest.ageHours)} old, ${formatBytes(newest.bytes)}`,
            ...newest.copies.map((copy, index) => `  ${index === 0 ? "copies" : "      "}     ${copy}`),
          ]),
      `  rehearsed  ${rehearsed ? rehearsed.at.slice(0, 10) : "never"}`,
      ...problems.flatMap((problem) => hang("  ! ", formatProblem(problem), layout)),
    ].join("\n"),
  );
  return [...blocks, ...formatRefused(refused, layout)].join("\n\n");
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
