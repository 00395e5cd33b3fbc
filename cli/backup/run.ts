import type { Readable } from "node:stream";
import type { PostgresContents } from "../../backup/manifest.ts";
import { type DataSet, formatDataSet, isId, parseKey } from "../../backup/names.ts";
import type { PostgresRestored } from "../../backup/postgres/restore.ts";
import type { Rehearsal } from "../../backup/rehearse.ts";
import { type Backup, formatBackup, groupBySet, readInventory, removeHold, type Unusable, writeHold } from "../../backup/repository.ts";
import { isFuture } from "../../backup/retention.ts";
import { stableJson } from "../../engine/mask.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { namedConnection } from "../shared/named-connection.ts";
import type { Terminal } from "../shared/terminal.ts";
import { type BackupEnvironment, openEnvironment, writeKeys } from "./environment.ts";
import type {
  BackupOptions,
  CreateOptions,
  KeepOptions,
  KeysOptions,
  PruneOptions,
  RehearseOptions,
  RestoreOptions,
  StatusOptions,
  VerifyOptions,
} from "./flags.ts";
import { readPolicies } from "./policy.ts";
import { clientsIn, findLocalConnections, findSources, POSTGRES } from "./sources.ts";
import {
  describeRestored,
  formatCreated,
  formatKeys,
  formatList,
  formatPrune,
  formatRehearsals,
  formatStatus,
  formatUnusable,
  formatVerified,
  NO_BACKUP,
} from "./text.ts";

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
  const [selected, refused] = [select(backups, options), selectRefused(inventory.refused, options)];
  if (options.json)
    terminal.print(stableJson({ backups: selected.map(toJson), refused: refused.map(refusedToJson), foreign: foreign.length }));
  else terminal.print(formatList(selected, { refused, copyCount: repository.copies.length }, terminal));
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

export const restore = withFailuresOf(async (id: string | undefined, options: RestoreOptions, { print, log }) => {
  const { readArchive } = await import("../../backup/read.ts");
  const environment = await openEnvironment(options);
  const { found, refused } = await findBackups(environment, id, { ...(id === undefined && { part: POSTGRES }), ...options });
  const [backup, ...others] = found;
  if (backup === undefined || others.length > 0) throw new UsageError("Which backup? Name its id, or its system: --system <name>");
  if (id === undefined) refuseOlder(backup, refused);
  const { manifest } = backup;
  const copy = backup.copies[0];
  if (copy === undefined)
    throw new Failure("no-data", 1, `No copy has the data of ${formatBackup(backup)}. To see why: slipway backup verify ${backup.id}`);
  const identities = environment.identities(options.identity);
  const start = performance.now();
  const openArchive = () => readArchive(copy, manifest, identities);
  const announce = (target: string) => {
    if (!options.json) log(`Restoring ${formatBackup(backup)} from ${copy.name} into ${target}`);
  };
  const result = manifest.postgres
    ? await restoreDatabase(manifest.postgres, options, { environment, openArchive, announce })
    : await restoreStore(options, { openArchive, announce });
  const seconds = Math.round(performance.now() - start) / 1000;
  const notIncluded = `Changes after ${manifest.startedAt} are not in it.`;
  if (options.json) print(stableJson({ backup: formatBackup(backup), startedAt: manifest.startedAt, ...result, seconds }));
  else print([`${describeRestored(result)}, in ${seconds.toFixed(1)} s`, notIncluded].join("\n"));
  return DONE;
});

interface RestoreSource {
  readonly openArchive: () => Promise<Readable>;
  readonly announce: (target: string) => void;
}

async function restoreDatabase(
  contents: PostgresContents,
  options: RestoreOptions,
  { environment, openArchive, announce }: RestoreSource & { readonly environment: BackupEnvironment },
): Promise<PostgresRestored> {
  const { into, system, jobs, createRoles, owner } = options;
  if (into === undefined) throw new UsageError("Into which new database? --into <name>. A backup is never restored over a database.");
  const server = (await namedConnection(options)) ?? (await localAdmin(system));
  if (server === undefined) throw new UsageError("Onto which server? --url postgres://doadmin:password@host:25060/defaultdb --ca ca.pem");
  announce(into);
  const { restorePostgres } = await import("../../backup/postgres/restore.ts");
  return await restorePostgres(
    {
      ...{ server, database: into, contents, findClients: clientsIn(environment.home) },
      ...{ createRoles: createRoles === true, withoutOwners: !owner, ...(jobs === undefined ? {} : { jobs }) },
    },
    openArchive,
  );
}

async function restoreStore({ url, ca, into }: RestoreOptions, { openArchive, announce }: RestoreSource) {
  if (into !== undefined)
    throw new UsageError(
      "--into names a database of Postgres. A store is restored into the database numbers of its backup, which must be empty.",
    );
  if (url === undefined)
    throw new UsageError("Into which store? --url rediss://default:password@host:25061 --ca ca.pem. Its databases must be empty.");
  announce(new URL(url).host);
  const [{ importDatabases }, { readCa }] = await Promise.all([import("../../backup/valkey/import.ts"), import("../shared/read-ca.ts")]);
  const { databases } = await importDatabases({ url, ...(ca === undefined ? {} : { ca: readCa(ca) }) }, await openArchive());
  return { databases };
}

export const runRehearsal = withFailures(async (options: RehearseOptions, { print, log, ...layout }) => {
  const [{ chooseRehearsed, rehearse }, { readArchive }] = await Promise.all([
    import("../../backup/rehearse.ts"),
    import("../../backup/read.ts"),
  ]);
  const environment = await openEnvironment(options);
  const { repository, tool } = environment;
  const identities = environment.identities(options.identity);
  const { backups } = await readInventory(repository, setOf(options));
  const groups = groupBySet(select(backups, options));
  const chosen = groups.flatMap((group) => (options.newest ? chooseRehearsed(group).slice(0, 1) : chooseRehearsed(group)));
  if (chosen.length === 0) chooseRehearsed([]);
  const signingKey = environment.signingKey();
  const run = (of: readonly Backup[], restoreOne: (backup: Backup, openArchive: () => Promise<Readable>) => Promise<string>) =>
    rehearse({
      ...{ repository, backups: of, tool, signingKey },
      async restore(backup, copy) {
        if (!options.json) log(`Restoring ${formatBackup(backup)} from ${copy.name}`);
        return await restoreOne(backup, () => readArchive(copy, backup.manifest, identities));
      },
    });
  const [databases, stores] = [chosen.filter(({ manifest }) => manifest.postgres), chosen.filter(({ manifest }) => manifest.valkey)];
  const results = [...(await rehearseDatabases(databases, environment, run)), ...(await rehearseStores(stores, environment, run))];
  print(options.json ? stableJson(results) : formatRehearsals(results, layout));
  return results.every(({ problem }) => problem === undefined) ? DONE : FAILED;
});

type RunRehearsal = (
  of: readonly Backup[],
  restore: (backup: Backup, openArchive: () => Promise<Readable>) => Promise<string>,
) => Promise<Rehearsal[]>;

async function rehearseDatabases(backups: readonly Backup[], { home }: BackupEnvironment, run: RunRehearsal): Promise<Rehearsal[]> {
  if (backups.length === 0) return [];
  const major = Math.max(...backups.map(({ manifest }) => manifest.postgres!.server.major));
  const [{ restorePostgres }, { withTemporaryPostgres }] = await Promise.all([
    import("../../backup/postgres/restore.ts"),
    import("../../local/servers/temporary.ts"),
  ]);
  return await withTemporaryPostgres({ home, purpose: "rehearsal", major }, (server) =>
    run(backups, async ({ set, id, manifest }, openArchive) => {
      const database = `rehearse_${set.system}_${id.slice(-8)}`.replaceAll("-", "_");
      const contents = manifest.postgres!;
      const { serverVersion } = await restorePostgres(
        { server, database, contents, findClients: clientsIn(home), createRoles: true },
        openArchive,
      );
      return `Postgres ${serverVersion}`;
    }),
  );
}

/** Each into a store of its own, because the databases of a backup must be empty. */
async function rehearseStores(backups: readonly Backup[], { home }: BackupEnvironment, run: RunRehearsal): Promise<Rehearsal[]> {
  if (backups.length === 0) return [];
  const [{ importDatabases }, { withTemporaryValkey }] = await Promise.all([
    import("../../backup/valkey/import.ts"),
    import("../../local/servers/temporary.ts"),
  ]);
  return await run(backups, (_, openArchive) =>
    withTemporaryValkey({ home, purpose: "rehearsal" }, async (server) => {
      await importDatabases(server, await openArchive());
      return "a temporary store";
    }),
  );
}

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
  const { readStatus } = await import("../../backup/status.ts");
  const { maxAge = 26, maxRehearsal = 31, json } = options;
  const { repository } = await openEnvironment(options);
  const { system, part = POSTGRES } = options;
  // A system that never had a backup has none in the inventory.
  const required = system === undefined ? [] : [{ system, part }];
  const found = await readStatus({ repository, sets: required, maxAgeHours: maxAge, maxRehearsalDays: maxRehearsal });
  const sets = found.sets.filter(({ set }) => isSelected(set, options));
  if (sets.length === 0) throw new Failure("nothing", 1, NO_BACKUP);
  const refused = selectRefused(found.refused, options);
  terminal.print(json ? stableJson({ sets, refused: refused.map(refusedToJson) }) : formatStatus({ sets, refused }, terminal));
  return sets.every(({ problems }) => problems.length === 0) && refused.length === 0 ? DONE : FAILED;
});

export const createKeys = withFailures(async ({ out, json }: KeysOptions, { print }) => {
  if (out === undefined) throw new UsageError("Where to write the secret key? --out backup-key.txt");
  const keys = await writeKeys(out);
  print(json ? stableJson(keys) : formatKeys(keys));
  return DONE;
});

// ── What the commands share ──────────────────────────────────────────────────────────────────────────────────────────────────────

type Run<Options> = (options: Options, terminal: Terminal) => Promise<number>;

/** A failure of the engine has an exit code of its own. */
function withFailures<Options extends BackupOptions>(run: Run<Options>): Run<Options> {
  return async (options, terminal) => {
    try {
      return await run(options, terminal);
    } catch (error) {
      return reportFailure(error, options, terminal);
    }
  };
}

function withFailuresOf<Id, Options extends BackupOptions>(run: (id: Id, options: Options, terminal: Terminal) => Promise<number>) {
  return (id: Id, options: Options, terminal: Terminal) => withFailures<Options>((given, to) => run(id, given, to))(options, terminal);
}

function reportFailure(error: unknown, { json }: BackupOptions, { print, log }: Terminal): number {
  if (!(error instanceof Failure)) throw error;
  const { code, exit, message } = error;
  log(message);
  if (json) print(stableJson({ error: { code, exit, message } }));
  return exit;
}

function setOf({ system, part }: BackupOptions): DataSet | undefined {
  return system !== undefined && part !== undefined ? { system, part } : undefined;
}

/** @param set "shop/postgres" */
function isSelected(set: string, { system, part }: BackupOptions): boolean {
  const [ofSystem, ofPart] = set.split("/");
  return (system === undefined || system === ofSystem) && (part === undefined || part === ofPart);
}

const select = (backups: readonly Backup[], options: BackupOptions): Backup[] =>
  backups.filter(({ set }) => isSelected(formatDataSet(set), options));

const selectRefused = (refused: readonly Unusable[], options: BackupOptions): Unusable[] =>
  refused.filter(({ key }) => isSelected(key, options));

interface Found {
  readonly found: readonly Backup[];
  /** Of the selected systems and parts. */
  readonly refused: readonly Unusable[];
}

/** The backup with this id; without an id the newest of each set, or all. */
async function findBackups({ repository }: BackupEnvironment, id: string | undefined, options: BackupOptions, all = false): Promise<Found> {
  const inventory = await readInventory(repository, setOf(options));
  const [backups, refused] = [select(inventory.backups, options), selectRefused(inventory.refused, options)];
  if (id === undefined) {
    const found = all ? backups : groupBySet(backups).map(newestOf);
    if (found.length > 0) return { found, refused };
    if (refused.length > 0)
      throw new Failure("refused", 1, `No backup can be used:\n${refused.map((one) => `  ${formatUnusable(one)}`).join("\n")}`);
    const sets = [...new Set((await readInventory(repository)).backups.map(({ set }) => formatDataSet(set)))];
    throw new Failure(
      "nothing",
      1,
      sets.length === 0 ? NO_BACKUP : `There is no such backup. There are backups of ${sets.sort().join(", ")}.`,
    );
  }
  const name = id.split("/").at(-1)!;
  if (!isId(name)) throw new UsageError(`"${id}" is not the id of a backup. To see the ids: slipway backup list`);
  const found = backups.filter((backup) => backup.id === name);
  const ofThis = refused.filter(({ key }) => key.includes(`/${name}/`));
  if (found.length > 0) return { found, refused: ofThis };
  const [reason] = ofThis;
  throw reason
    ? new Failure("refused", 1, `Backup ${name} cannot be trusted: ${formatUnusable(reason)}. See the others: slipway backup list`)
    : new UsageError(`There is no backup ${name}. To see the ids: slipway backup list`);
}

/** A backup from the future is used only if it is named, or if there is no other. */
function newestOf(group: readonly Backup[]): Backup {
  return (group.findLast(({ manifest }) => !isFuture(new Date(manifest.startedAt))) ?? group.at(-1))!;
}

const timeOf = (id: string): string => id.split("-")[0]!;

/** Without an id, a restore means the newest backup, not the newest one that happens to be readable. */
function refuseOlder(backup: Backup, refused: readonly Unusable[]): void {
  const newer = refused.find(({ key }) => {
    const parsed = parseKey(key);
    const isSameSet = parsed?.kind === "manifest.json" && formatDataSet(parsed) === formatDataSet(backup.set);
    return isSameSet && parsed.id !== backup.id && timeOf(parsed.id) >= timeOf(backup.id);
  });
  if (newer === undefined) return;
  throw new Failure(
    "refused",
    1,
    `A newer backup cannot be trusted: ${formatUnusable(newer)}. To restore the one before it: slipway backup restore ${backup.id}`,
  );
}

function signingKeyOf(environment: BackupEnvironment) {
  try {
    return { signingKey: environment.signingKey() };
  } catch {
    // A machine that only reads backups has no key to sign with.
    return {};
  }
}

async function localAdmin(name: string | undefined) {
  if (name === undefined) return undefined;
  const { systems } = await import("../../systems/index.ts");
  const system = systems.find((one) => one.name === name);
  return system && (await findLocalConnections(system))?.admin;
}

const toJson = ({ manifest: { postgres, ...manifest }, copies, hold, records }: Backup) => ({
  ...{ ...manifest, copies: copies.map(({ name }) => name), hold, records },
  ...(postgres && {
    postgres: { database: postgres.database, server: postgres.server.version, tables: postgres.tables, sequences: postgres.sequences },
  }),
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
