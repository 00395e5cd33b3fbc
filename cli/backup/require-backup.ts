import { findShortcoming } from "../../backup/recent.ts";
import { type Backup, readInventory } from "../../backup/repository.ts";
import { formatHours } from "../../backup/status.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import type { Connection } from "../../postdeploy/connect/target.ts";
import { openEnvironment } from "./environment.ts";
import { POSTGRES } from "./sources.ts";

/** @throws unless a backup of this database that is not older was read again or restored since it was made, and is in every copy */
export async function requireBackup(system: string, connection: Connection, maxAgeHours: number): Promise<void> {
  const { repository } = await openEnvironment({});
  const { backups } = await readInventory(repository, { system, part: POSTGRES });
  const { inspectPostgres } = await import("../../backup/postgres/source.ts");
  const { origin } = await inspectPostgres(connection);
  const shortcomingOf = (backup: Backup) => findShortcoming(backup, { maxAgeHours, copies: repository.copies.length, origin });
  if (backups.some((backup) => shortcomingOf(backup) === undefined)) return;
  const verified = backups.filter(({ records }) => records.length > 0).at(-1);
  const found =
    verified !== undefined
      ? `the newest verified one ${shortcomingOf(verified)}`
      : backups.length === 0
        ? "there is none"
        : "none of them was verified";
  throw new Failure(
    "no-backup",
    1,
    `Nothing was applied: --require-backup asks for a verified backup of ${system} from the last ${formatHours(maxAgeHours)}, and ${found}. ` +
      `Make one: slipway backup create --system ${system} && slipway backup verify --system ${system} --part ${POSTGRES}`,
  );
}
