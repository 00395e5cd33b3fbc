/** Which backups a command is about: by id, system and part. */
import { type DataSet, formatDataSet, isId } from "../../backup/names.ts";
import { type Backup, groupBySet, readInventory, type Unusable } from "../../backup/repository.ts";
import { isFuture } from "../../backup/retention.ts";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { UsageError } from "../shared/errors.ts";
import type { BackupEnvironment } from "./environment.ts";
import type { BackupOptions } from "./flags.ts";
import { formatUnusable, NO_BACKUP } from "./text.ts";

export function setOf({ system, part }: BackupOptions): DataSet | undefined {
  return system !== undefined && part !== undefined ? { system, part } : undefined;
}

/** @param set "shop/postgres" */
export function isSelected(set: string, { system, part }: BackupOptions): boolean {
  const [ofSystem, ofPart] = set.split("/");
  return (system === undefined || system === ofSystem) && (part === undefined || part === ofPart);
}

export const select = (backups: readonly Backup[], options: BackupOptions): Backup[] =>
  backups.filter(({ set }) => isSelected(formatDataSet(set), options));

export const selectRefused = (refused: readonly Unusable[], options: BackupOptions): Unusable[] =>
  refused.filter(({ key }) => isSelected(key, options));

interface Found {
  readonly found: readonly Backup[];
  /** Of the selected systems and parts. */
  readonly refused: readonly Unusable[];
}

/** The backup with this id; without an id the newest of each set, or all. */
export async function findBackups(
  { repository }: BackupEnvironment,
  id: string | undefined,
  options: BackupOptions,
  all = false,
): Promise<Found> {
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
