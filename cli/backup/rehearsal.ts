/** `slipway backup rehearse`: restores backups into servers that exist for that only. */
import type { Readable } from "node:stream";
import type { Rehearsal } from "../../backup/rehearse.ts";
import { type Backup, formatBackup, groupBySet, readInventory } from "../../backup/repository.ts";
import { stableJson } from "../../engine/mask.ts";
import { DONE, FAILED } from "../shared/errors.ts";
import { select, setOf } from "./choose.ts";
import { type BackupEnvironment, openEnvironment } from "./environment.ts";
import { withFailures } from "./failures.ts";
import type { RehearseOptions } from "./flags.ts";
import { clientsIn } from "./sources.ts";
import { formatRehearsals } from "./text.ts";

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
