/** `slipway backup restore`: into a new database, or an empty store. */
import type { Readable } from "node:stream";
import type { PostgresContents } from "../../backup/manifest.ts";
import { formatDataSet, parseKey } from "../../backup/names.ts";
import type { PostgresRestored } from "../../backup/postgres/restore.ts";
import { type Backup, formatBackup, type Unusable } from "../../backup/repository.ts";
import { stableJson } from "../../engine/mask.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { DONE, UsageError } from "../shared/errors.ts";
import { namedConnection } from "../shared/named-connection.ts";
import { findBackups } from "./choose.ts";
import { type BackupEnvironment, openEnvironment } from "./environment.ts";
import { withFailuresOf } from "./failures.ts";
import type { RestoreOptions } from "./flags.ts";
import { clientsIn, findLocalConnections, POSTGRES } from "./sources.ts";
import { describeRestored, formatUnusable } from "./text.ts";

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

async function localAdmin(name: string | undefined) {
  if (name === undefined) return undefined;
  const { systems } = await import("../../systems/index.ts");
  const system = systems.find((one) => one.name === name);
  return system && (await findLocalConnections(system))?.admin;
}
