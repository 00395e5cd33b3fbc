import { readJsonInventory, type StoredFiles } from "../../backup/json-inventory.ts";
import { formatDataSet } from "../../backup/names.ts";
import { type Backup, formatBackup, readInventory, removeHold, writeHold } from "../../backup/repository.ts";
import type { ExportStatus, SetStatus } from "../../backup/status.ts";
import { stableJson } from "../../engine/mask.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { findBackups, isSelected, select, selectRefused, setOf } from "./choose.ts";
import { type BackupEnvironment, openEnvironment, writeKeys } from "./environment.ts";
import { withFailures, withFailuresOf } from "./failures.ts";
import type { BackupOptions, CreateOptions, KeepOptions, KeysOptions, PruneOptions, StatusOptions, VerifyOptions } from "./flags.ts";
import { readPolicies } from "./policy.ts";
import { findSources, JSON_EXPORT, POSTGRES } from "./sources.ts";
import { formatCreated, formatKeys, formatList, formatPrune, formatStatus, formatVerified, NO_BACKUP } from "./text.ts";

export const create = withFailures(async (options: CreateOptions, { print, log }) => {
  // Each command loads only its own engine. Together they take a tenth of a second.
  const { createBackup } = await import("../../backup/create.ts");
  const environment = await openEnvironment(options);
  const recipients = environment.recipients(options.recipient);
  const signingKey = environment.signingKey();
  const sources = await findSources(options, environment.home);
  if (recipients.length === 1 && !environment.isLocal)
    log(
      "Only one age key can decrypt this backup. If it is lost, the backup cannot be read. Add a second recipient, and keep its key in another place.",
    );
  const created = [];
  const failed: { set: string; code: string; message: string }[] = [];
  for (const { set, open } of sources) {
    const start = performance.now();
    try {
      const { repository, tool } = environment;
      const result = await createBackup({ repository, set, openSource: open, recipients, signingKey, tool });
      const seconds = Math.round(performance.now() - start) / 1000;
      created.push({ ...result, seconds });
      if (!options.json) print(formatCreated(result, seconds));
    } catch (error) {
      if (!(error instanceof Failure) || sources.length === 1) throw error;
      // The others are backed up all the same.
      failed.push({ set: formatDataSet(set), code: error.code, message: error.message });
      log(`${formatDataSet(set)} has no new backup: ${error.message}`);
    }
  }
  if (options.json)
    print(
      stableJson({
        created: created.map(({ manifest: { postgres: _, valkey: __, ...manifest }, ...rest }) => ({ ...rest, ...manifest })),
        failed,
      }),
    );
  return failed.length === 0 && created.every(({ missing }) => missing.length === 0) ? DONE : FAILED;
});

export const list = withFailures(async (options: BackupOptions, terminal) => {
  const { repository } = await openEnvironment(options);
  const { backups, foreign, ...inventory } = await readInventory(repository, setOf(options));
  const json = await readJsonInventory(repository);
  const files = json.stored.filter((one) => isSelected(`${one.system}/${one.kind}`, options));
  const [selected, refused] = [select(backups, options), selectRefused([...inventory.refused, ...json.refused], options)];
  if (options.json)
    terminal.print(
      stableJson({
        ...{ backups: selected.map(toJson), files: files.map(filesToJson) },
        ...{ refused: refused.map(refusedToJson), foreign: foreign.length },
      }),
    );
  else terminal.print(formatList(selected, { files, refused, copyCount: repository.copies.length }, terminal));
  return DONE;
});

export const verify = withFailuresOf(async (id: string | undefined, options: VerifyOptions, terminal) => {
  if (id !== undefined && options.all) throw new UsageError("Name a backup, or use --all, not both.");
  const { verifyBackup } = await import("../../backup/verify.ts");
  const environment = await openEnvironment(options);
  const { repository, tool } = environment;
  const { found: backups, refused } = await findBackups(environment, id, options, options.all);
  const identities = options.identity === undefined && !environment.isLocal ? undefined : environment.identities(options.identity);
  const results = [];
  for (const backup of backups)
    results.push(await verifyBackup({ repository, backup, tool, ...(identities && { identities }), ...signingKeyOf(environment) }));
  terminal.print(
    options.json ? stableJson({ verified: results, refused: refused.map(refusedToJson) }) : formatVerified(results, refused, terminal),
  );
  return refused.length === 0 && results.every(({ copies }) => copies.every(({ problem }) => problem === undefined)) ? DONE : FAILED;
});

export const runPrune = withFailures(async (options: PruneOptions, terminal) => {
  const { planPrune, prune } = await import("../../backup/prune.ts");
  const { daily, weekly, monthly, yearly, json } = options;
  const yes = Boolean(options.yes);
  const { repository } = await openEnvironment(options);
  const policyOf = await readPolicies({ counts: { daily, weekly, monthly, yearly }, keyspaceDays: options.keyspaces });
  const set = setOf(options);
  const prunes = { repository, policyOf, ...(set && { set }) };
  const plan = yes ? await prune(prunes) : await planPrune(prunes);
  if (json)
    terminal.print(
      stableJson({
        done: yes,
        kept: plan.kept.map(({ backup, reasons }) => ({ backup: formatBackup(backup), reasons })),
        removed: plan.removed.map(formatBackup),
        leftovers: plan.leftovers.map(({ key, copy }) => ({ key, copy: copy.name })),
        untouched: [...plan.refused, ...plan.foreign].map(refusedToJson),
      }),
    );
  else terminal.print(formatPrune(plan, yes, terminal));
  return DONE;
});

export const keep = withFailuresOf(async (id: string, options: KeepOptions, { print }) => {
  const { release = false, json } = options;
  const reason = options.reason?.replace(/\s+/g, " ").trim();
  if (release === Boolean(reason))
    throw new UsageError("Why is it held? --reason <text>; or --release, which removes the hold so that the retention decides again.");
  const environment = await openEnvironment(options);
  const { found } = await findBackups(environment, id, options);
  const [backup] = found as [Backup];
  if (reason) await writeHold(environment.repository, backup, reason);
  else await removeHold(environment.repository, backup);
  if (json) print(stableJson({ backup: formatBackup(backup), hold: reason ?? null }));
  else print(reason ? `Held ${formatBackup(backup)}: ${reason}` : `Released ${formatBackup(backup)}`);
  return DONE;
});

export const status = withFailures(async (options: StatusOptions, terminal) => {
  const { DEFAULT_LIMITS, formatProblem, readStatus } = await import("../../backup/status.ts");
  const { maxAge = DEFAULT_LIMITS.maxAgeHours, maxRehearsal = DEFAULT_LIMITS.maxRehearsalDays, json } = options;
  const { repository } = await openEnvironment(options);
  const { system, part = POSTGRES } = options;
  // A system that never had a backup has none in the inventory.
  const required = system === undefined || part === JSON_EXPORT ? [] : [{ system, part }];
  const exported = system !== undefined && part === JSON_EXPORT ? [system] : [];
  const found = await readStatus({ repository, sets: required, exported, maxAgeHours: maxAge, maxRehearsalDays: maxRehearsal });
  const sets = found.sets.filter(({ set }) => isSelected(set, options));
  const exports = found.exports.filter(({ set }) => isSelected(set, options));
  if (sets.length + exports.length === 0) throw new Failure("nothing", 1, NO_BACKUP);
  const refused = selectRefused(found.refused, options);
  const printed = <T extends SetStatus | ExportStatus>(one: T) => ({ ...one, problems: one.problems.map(formatProblem) });
  terminal.print(
    json
      ? stableJson({ sets: sets.map(printed), exports: exports.map(printed), refused: refused.map(refusedToJson) })
      : formatStatus({ sets, exports, refused }, terminal),
  );
  return [...sets, ...exports].every(({ problems }) => problems.length === 0) && refused.length === 0 ? DONE : FAILED;
});

export const createKeys = withFailures(async ({ out, json }: KeysOptions, { print }) => {
  if (out === undefined) throw new UsageError("Where to write the secret key? --out backup-key.txt");
  const keys = await writeKeys(out);
  print(json ? stableJson(keys) : formatKeys(keys));
  return DONE;
});

function signingKeyOf(environment: BackupEnvironment) {
  try {
    return { signingKey: environment.signingKey() };
  } catch {
    // A machine that only reads backups has no key to sign with.
    return {};
  }
}

const toJson = ({ manifest: { postgres, ...manifest }, copies, hold, records }: Backup) => ({
  ...{ ...manifest, copies: copies.map(({ name }) => name), hold, records },
  ...(postgres && {
    postgres: { database: postgres.database, server: postgres.server.version, tables: postgres.tables, sequences: postgres.sequences },
  }),
});
const filesToJson = ({ system, kind, id, bytes, copies, manifest: { at, encrypted, files } }: StoredFiles) => ({
  ...{ system, part: kind, id, at, encrypted, bytes, files },
  copies: copies.map(({ name }) => name),
});
const refusedToJson = ({
  copy,
  key,
  reason,
}: {
  readonly copy: { readonly name: string };
  readonly key: string;
  readonly reason: string;
}) => ({ copy: copy.name, key, reason });
