/** The state of the backups, where a place for them is named in the environment or the local platform has one. */
import { existsSync } from "node:fs";
import path from "node:path";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { findProject } from "../../engine/project.ts";
import { findHome } from "../../local/servers/home.ts";
import { examineBackups, unreadableBackups } from "../../operate/doctor/backups.ts";
import type { Examination } from "../../operate/doctor/finding.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { System } from "../../systems/definition.ts";
import { UsageError } from "./errors.ts";
import { inProject } from "./in-project.ts";

/** @returns nothing where there is no such place. */
export async function readBackups(wanted: readonly System[], isLocal: boolean): Promise<readonly Examination[]> {
  const isConfigured = Boolean(process.env[BACKUP_VARIABLES.store]);
  const folder = await inProject(() => path.join(findHome(findProject(process.cwd()).root).state, "backups"));
  if (!isConfigured && !(isLocal && folder !== undefined && existsSync(folder))) return [];
  try {
    const { examination, isEmpty } = await readBackupStatus(wanted);
    // The folder of a laptop may hold exports and archives of JSON files only: no backup was made there yet.
    return isEmpty && !isConfigured ? [] : [examination];
  } catch (error) {
    if (!(error instanceof Failure || error instanceof UsageError)) throw error;
    return [unreadableBackups(process.env[BACKUP_VARIABLES.store] ?? folder!, error.message)];
  }
}

interface BackupStatus {
  readonly examination: Examination;
  /** There is no backup, and nothing that should be one. */
  readonly isEmpty: boolean;
}

async function readBackupStatus(wanted: readonly System[]): Promise<BackupStatus> {
  const [{ openEnvironment }, { DEFAULT_LIMITS, readStatus }] = await Promise.all([
    import("../backup/environment.ts"),
    import("../../backup/status.ts"),
  ]);
  const { repository } = await openEnvironment({});
  const sets = wanted.map(({ name }) => ({ system: name, part: "postgres" }));
  const status = await readStatus({ repository, sets, ...DEFAULT_LIMITS });
  const isWanted = (set: string) => wanted.some(({ name }) => set.startsWith(`${name}/`));
  return {
    isEmpty: status.refused.length === 0 && status.sets.every(({ count }) => count === 0),
    examination: examineBackups(
      repository.copies.map(({ name }) => name).join(", "),
      status.sets.filter(({ set }) => isWanted(set)),
      status.refused.filter(({ key }) => isWanted(key)),
    ),
  };
}
