import { readInventory } from "../../backup/repository.ts";
import { isFuture } from "../../backup/retention.ts";
import { formatHours } from "../../backup/status.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { openEnvironment } from "./environment.ts";
import { POSTGRES } from "./sources.ts";

/** @throws unless a backup of the system's database that is not older was read again or restored since it was made */
export async function requireBackup(system: string, maxAgeHours: number): Promise<void> {
  const { repository } = await openEnvironment({});
  const { backups } = await readInventory(repository, { system, part: POSTGRES });
  const verified = backups.filter(({ records, copies }) => records.length > 0 && copies.length > 0).at(-1);
  const hours = verified && (Date.now() - Date.parse(verified.manifest.startedAt)) / 3_600_000;
  const startsLater = verified !== undefined && isFuture(new Date(verified.manifest.startedAt));
  if (hours !== undefined && !startsLater && hours <= maxAgeHours) return;
  const found =
    hours === undefined
      ? backups.length === 0
        ? "there is none"
        : "none of them was verified"
      : startsLater
        ? "the newest one begins in the future"
        : `the newest verified one is ${formatHours(hours)} old`;
  throw new Failure(
    "no-backup",
    1,
    `Nothing was applied: --require-backup asks for a verified backup of ${system} from the last ${formatHours(maxAgeHours)}, and ${found}. ` +
      `Make one: slipway backup create --system ${system} && slipway backup verify --system ${system} --part ${POSTGRES}`,
  );
}
