/** The backups of a system's database, for a rollback: listed, made and restored with the engine of `slipway backup`. */
import type { Workspace } from "../../local/platform/workspace.ts";
import type { BackupFacts, BackupSource } from "../../operate/rollback/subject.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { System } from "../../systems/definition.ts";
import type { BackupEnvironment } from "../backup/environment.ts";
import { UsageError } from "../shared/errors.ts";
import type { LocalConnections } from "../shared/local-connections.ts";

export interface BackupTarget {
  readonly database: Pick<LocalConnections, "admin" | "backup">;
  readonly isLocal: boolean;
  /** The file of the key that decrypts. */
  readonly identity: string | undefined;
  readonly workspace?: Workspace | undefined;
}

/** Any age: the operator decides whether the data is old enough, or too old. */
const ANY_AGE_HOURS = Number.POSITIVE_INFINITY;

/** Without the database, which every rollback replaces by another one. */
const serverOf = (origin: string | undefined): string | undefined => origin?.split("/").slice(0, 2).join("/");

/** @returns in words why there are none. */
export async function openBackups(system: System, target: BackupTarget): Promise<BackupSource | string> {
  const { openEnvironment } = await import("../backup/environment.ts");
  try {
    const environment = await openEnvironment({}, target.workspace?.home);
    if (environment.isLocal && !target.isLocal)
      return "Where are the backups of this stack? Set SLIPWAY_BACKUP_STORE and the other variables, as docs/backup.md describes: pulumi stack output backupVariables --show-secrets";
    return backupSource(system, environment, target);
  } catch (error) {
    if (error instanceof Failure || error instanceof UsageError) return error.message;
    throw error;
  }
}

export function backupSource(
  system: System,
  environment: BackupEnvironment,
  { database, identity }: Pick<BackupTarget, "database" | "identity">,
): BackupSource {
  const { repository, home, tool } = environment;
  const set = { system: system.name, part: "postgres" };
  const findClients = async (major: number) => (await import("../../backup/postgres/clients.ts")).findPostgresClients(major, home);
  const readBackups = async () => {
    const [{ readInventory }, { inspectPostgres }, { findShortcoming }] = await Promise.all([
      import("../../backup/repository.ts"),
      import("../../backup/postgres/source.ts"),
      import("../../backup/recent.ts"),
    ]);
    const { backups } = await readInventory(repository, set);
    const { origin } = await inspectPostgres(database.backup);
    const needed = { maxAgeHours: ANY_AGE_HOURS, copies: 1 };
    const isOfAnother = ({ manifest }: (typeof backups)[number]) => serverOf(manifest.origin ?? origin) !== serverOf(origin);
    return backups.toReversed().map((backup) => ({
      backup,
      problem: findShortcoming(backup, needed) ?? (isOfAnother(backup) ? "is of another server" : undefined),
    }));
  };
  const factsOf = ({ backup, problem }: Awaited<ReturnType<typeof readBackups>>[number]): BackupFacts => ({
    ...{ id: backup.id, startedAt: new Date(backup.manifest.startedAt), problem, hold: backup.hold },
    tables: new Map(backup.manifest.postgres?.tables.map(({ name, rows }) => [name, rows])),
  });
  return {
    place: repository.copies.map(({ name }) => name).join(", "),
    list: async () => (await readBackups()).map(factsOf),
    async create(reason) {
      const [{ createVerified }, { openPostgresSource }, { writeHold }] = await Promise.all([
        import("../../backup/ensure.ts"),
        import("../../backup/postgres/source.ts"),
        import("../../backup/repository.ts"),
      ]);
      let held: Promise<void> | undefined;
      const { created, verified } = await createVerified(
        {
          ...{ repository, set, tool, recipients: environment.recipients(), signingKey: environment.signingKey() },
          openSource: () => openPostgresSource(database.backup, findClients),
        },
        // Before it counts as verified, so that a later rollback does not take it for a backup to return to.
        ({ manifest: { id } }) => {
          held = writeHold(repository, { set, id }, reason);
          held.catch(() => {});
        },
      );
      await held;
      const problems = verified.copies.flatMap(({ copy, problem }) => (problem === undefined ? [] : [`${copy}: ${problem}`]));
      if (problems.length > 0)
        throw new Failure(
          "incomplete",
          1,
          `The backup of the current state is not complete: ${problems.join("; ")}. Nothing was switched.`,
        );
      const facts = (await readBackups()).find(({ backup }) => backup.id === created.manifest.id);
      return factsOf(facts!);
    },
    async restore(id, into) {
      const [{ readArchive }, { restorePostgres }] = await Promise.all([
        import("../../backup/read.ts"),
        import("../../backup/postgres/restore.ts"),
      ]);
      const found = (await readBackups()).find(({ backup }) => backup.id === id);
      const contents = found?.backup.manifest.postgres;
      const copy = found?.backup.copies[0];
      if (contents === undefined || copy === undefined)
        throw new Failure("no-data", 1, `No copy has the data of backup ${id}. To see why: slipway backup verify ${id}`);
      const identities = environment.identities(identity);
      return await restorePostgres({ server: database.admin, database: into, contents, findClients }, () =>
        readArchive(copy, found!.backup.manifest, identities),
      );
    },
  };
}
