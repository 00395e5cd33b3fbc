import { writeFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { createBackup } from "../../backup/create.ts";
import type { PostgresContents } from "../../backup/manifest.ts";
import { type DataSet, isId } from "../../backup/names.ts";
import { type PostgresRestored, restorePostgres } from "../../backup/postgres/restore.ts";
import { planPrune, prune } from "../../backup/prune.ts";
import { readArchive } from "../../backup/read.ts";
import { chooseRehearsed, type Rehearsal, rehearse } from "../../backup/rehearse.ts";
import { type Backup, formatBackup, groupBySet, readInventory, removeHold, writeHold } from "../../backup/repository.ts";
import { DEFAULT_POLICY } from "../../backup/retention.ts";
import { readStatus } from "../../backup/status.ts";
import { importDatabases } from "../../backup/valkey/import.ts";
import { verifyBackup } from "../../backup/verify.ts";
import { stableJson } from "../../engine/mask.ts";
import { withTemporaryPostgres, withTemporaryValkey } from "../../local/servers/temporary.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { DONE, FAILED, UsageError } from "../shared/errors.ts";
import { localConnections } from "../shared/local-connections.ts";
import { readCa } from "../shared/read-ca.ts";
import type { Terminal } from "../shared/terminal.ts";
import { type BackupEnvironment, generateKeys, openEnvironment } from "./environment.ts";
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
import { clientsIn, findSources, namedConnection, POSTGRES } from "./sources.ts";
import {
  describeRestored,
  formatCreated,
  formatKeys,
  formatList,
  formatPrune,
  formatRehearsals,
  formatStatus,
  formatVerified,
} from "./text.ts";

export const create = withFailures(async (options: CreateOptions, { print, log }) => {
  const environment = await openEnvironment(options);
  const recipients = environment.recipients(options.recipient);
  if (recipients.length === 1 && !environment.isLocal)
    log("Only one age key can read these backups. If it is lost, so are they: add a second recipient, and keep its key elsewhere.");
  const created = [];
  for (const { set, open } of await findSources(options, environment.home)) {
    const start = performance.now();
    const result = await createBackup({
      ...{ repository: environment.repository, set, openSource: open, recipients },
      ...{ signingKey: environment.signingKey(), tool: environment.tool },
    });
    const seconds = Math.round(performance.now() - start) / 1000;
    created.push({ ...result, seconds });
    if (!options.json) print(formatCreated(result, seconds));
  }
  if (options.json)
    print(stableJson(created.map(({ manifest: { postgres: _, valkey: __, ...manifest }, ...rest }) => ({ ...rest, ...manifest }))));
  return created.every(({ missing }) => missing.length === 0) ? DONE : FAILED;
});

export const list = withFailures(async (options: BackupOptions, terminal) => {
  const { backups, refused, foreign } = await readInventory((await openEnvironment(options)).repository, setOf(options));
  const selected = select(backups, options);
  if (options.json)
    terminal.print(stableJson({ backups: selected.map(toJson), refused: refused.map(refusedToJson), foreign: foreign.length }));
  else terminal.print(formatList(selected, refused, terminal));
  return DONE;
});

export const verify = withFailuresOf(async (id: string | undefined, options: VerifyOptions, { print }) => {
  const environment = await openEnvironment(options);
  const { repository, tool } = environment;
  const backups = await findBackups(environment, id, options, options.all);
  const identities = options.identity === undefined && !environment.isLocal ? undefined : environment.identities(options.identity);
  const results = [];
  for (const backup of backups)
    results.push(await verifyBackup({ repository, backup, tool, ...(identities && { identities }), ...signingKeyOf(environment) }));
  print(options.json ? stableJson(results) : results.map(formatVerified).join("\n"));
  return results.every(({ copies }) => copies.every(({ problem }) => problem === undefined)) ? DONE : FAILED;
});

export const restore = withFailuresOf(async (id: string | undefined, options: RestoreOptions, { print, log }) => {
  const environment = await openEnvironment(options);
  const [backup, ...others] = await findBackups(environment, id, { ...(id === undefined && { part: POSTGRES }), ...options });
  if (backup === undefined || others.length > 0) throw new UsageError("Which backup? Name its id, or its system: --system <name>");
  const { manifest } = backup;
  const copy = backup.copies[0];
  if (copy === undefined)
    throw new Failure("no-data", 1, `No copy has the data of ${formatBackup(backup)}. See: slipway backup verify ${backup.id}`);
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
  const notIncluded = `What was written after ${manifest.startedAt} is not in it`;
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
  const server = namedConnection(options) ?? (await localAdmin(system));
  if (server === undefined) throw new UsageError("Onto which server? --url postgres://doadmin:password@host:25060/defaultdb --ca ca.pem");
  announce(into);
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
  const { databases } = await importDatabases({ url, ...(ca === undefined ? {} : { ca: readCa(ca) }) }, await openArchive());
  return { databases };
}

export const runRehearsal = withFailures(async (options: RehearseOptions, { print, log, ...layout }) => {
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
  return await run(backups, (_, openArchive) =>
    withTemporaryValkey({ home, purpose: "rehearsal" }, async (server) => {
      await importDatabases(server, await openArchive());
      return "a temporary store";
    }),
  );
}

export const runPrune = withFailures(async (options: PruneOptions, terminal) => {
  const { daily, weekly, monthly, yearly, json } = options;
  const yes = Boolean(options.yes);
  const { repository } = await openEnvironment(options);
  const given = Object.fromEntries(Object.entries({ daily, weekly, monthly, yearly }).filter(([, value]) => value !== undefined));
  const policy = { ...DEFAULT_POLICY, ...given };
  const set = setOf(options);
  const prunes = { repository, policyOf: () => policy, ...(set && { set }) };
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
  const { reason, release = false } = options;
  if (release === (reason !== undefined))
    throw new UsageError("Why is it held? --reason <text>; or --release, which lets the retention decide again.");
  const environment = await openEnvironment(options);
  const [backup] = await findBackups(environment, id, options);
  if (release) await removeHold(environment.repository, backup!);
  else await writeHold(environment.repository, backup!, reason!);
  print(release ? `Released ${formatBackup(backup!)}` : `Held ${formatBackup(backup!)}: ${reason}`);
  return DONE;
});

export const status = withFailures(async (options: StatusOptions, terminal) => {
  const { maxAge = 26, maxRehearsal = 31, json } = options;
  const { repository } = await openEnvironment(options);
  const set = setOf(options);
  const found = await readStatus({ repository, sets: set ? [set] : [], maxAgeHours: maxAge, maxRehearsalDays: maxRehearsal });
  const sets = found.sets.filter(({ set: name }) => options.system === undefined || name.startsWith(`${options.system}/`));
  if (sets.length === 0) throw new Failure("nothing", 1, "There is no backup. Make one: slipway backup create");
  const result = { sets, refused: found.refused };
  terminal.print(json ? stableJson({ sets, refused: found.refused.map(refusedToJson) }) : formatStatus(result, terminal));
  return sets.every(({ problems }) => problems.length === 0) && found.refused.length === 0 ? DONE : FAILED;
});

export const createKeys = withFailures(async ({ out }: KeysOptions, { print }) => {
  if (out === undefined) throw new UsageError("Where to write the secret key? --out backup-key.txt");
  const keys = await generateKeys();
  try {
    writeFileSync(out, `# created: ${new Date().toISOString()}\n# public key: ${keys.recipient}\n${keys.identity}\n`, {
      mode: 0o600,
      flag: "wx",
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === "EEXIST"
        ? `${out} exists, and may be the only key of older backups. Name another file.`
        : `${out} cannot be written (${code}).`,
    );
  }
  print(formatKeys(keys, out));
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
  if (json) print(stableJson({ error: { code: error.code, message: error.message } }));
  else log(error.message);
  return error.exit;
}

function setOf({ system, part }: BackupOptions): DataSet | undefined {
  return system !== undefined && part !== undefined ? { system, part } : undefined;
}

function select(backups: readonly Backup[], { system, part }: BackupOptions): Backup[] {
  return backups.filter(({ set }) => (system === undefined || set.system === system) && (part === undefined || set.part === part));
}

/** The backup with this id; without an id the newest of each set, or all. */
async function findBackups(
  { repository }: BackupEnvironment,
  id: string | undefined,
  options: BackupOptions,
  all = false,
): Promise<Backup[]> {
  const { backups, refused } = await readInventory(repository, setOf(options));
  const selected = select(backups, options);
  if (id === undefined) {
    const found = all ? selected : groupBySet(selected).map((group) => group.at(-1)!);
    if (found.length > 0) return found;
    throw new Failure("nothing", 1, "There is no backup. Make one: slipway backup create");
  }
  const name = id.split("/").at(-1)!;
  if (!isId(name)) throw new UsageError(`"${id}" is not the id of a backup. See: slipway backup list`);
  const found = selected.filter((backup) => backup.id === name);
  if (found.length > 0) return found;
  const reason = refused.find(({ key }) => key.includes(`/${name}/`));
  throw reason
    ? new Failure("refused", 1, `The backup ${name} cannot be trusted: ${reason.key} in ${reason.copy.name}: ${reason.reason}.`)
    : new UsageError(`There is no backup ${name}. See: slipway backup list`);
}

function signingKeyOf(environment: BackupEnvironment) {
  try {
    return { signingKey: environment.signingKey() };
  } catch {
    // Who only reads backups has no key to sign with.
    return {};
  }
}

async function localAdmin(name: string | undefined) {
  if (name === undefined) return undefined;
  const { systems } = await import("../../systems/index.ts");
  const system = systems.find((one) => one.name === name);
  return system && (await localConnections(system))?.admin;
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
