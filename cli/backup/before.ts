import { ensureBackup } from "../../backup/ensure.ts";
import { BACKUP_VARIABLES } from "../../catalog/backup-variables.ts";
import { UsageError } from "../shared/errors.ts";
import { openEnvironment } from "./environment.ts";
import { findSources } from "./sources.ts";

/**
 * Makes sure that the system has a verified backup that is not older, before a caller changes it. The copies and the connections are those of the
 * environment.
 *
 * @returns what was done, a line for each part of the system
 * @throws Failure if there is no such backup at the end
 */
export async function backUpBefore(system: string, maxAgeHours: number): Promise<readonly string[]> {
  const { repository, home, tool, isLocal, ...environment } = await openEnvironment({});
  // A container of a job is removed with its files.
  if (isLocal) throw new UsageError(`Where is the backup stored? Set ${BACKUP_VARIABLES.store}: see docs/backup.md`);
  const keys = { recipients: environment.recipients(), signingKey: environment.signingKey() };
  const lines: string[] = [];
  for (const { set, open, inspect } of await findSources({ system }, home)) {
    const ensured = await ensureBackup({ ...{ repository, set, tool, maxAgeHours, openSource: open, inspect }, ...keys });
    const { outcome, backup } = ensured;
    lines.push(outcome === "empty" ? `${ensured.set} is empty` : outcome === "made" ? `made ${backup}` : `${backup} is recent enough`);
  }
  return lines;
}
