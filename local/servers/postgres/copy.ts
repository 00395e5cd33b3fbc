import { mkdirSync, writeFileSync } from "node:fs";
import { copyFile, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { asSuperuser, type Superuser } from "./admin.ts";

/** Postgres rebuilds the contents of these folders, and expects the folders to exist. */
const EMPTY_FOLDERS = new Set([
  "pg_dynshmem",
  "pg_notify",
  "pg_replslot",
  "pg_serial",
  "pg_snapshots",
  "pg_stat_tmp",
  "pg_subtrans",
  "pg_wal",
]);
const EXCLUDED = /^(postmaster\.(pid|opts)|backup_label|standby\.signal|recovery\.signal|pgsql_tmp.*|pg_internal\.init.*)$/;

/**
 * Copies the data of a running server, as pg_basebackup does, which the npm packages do not include. With a slot, the source keeps its log from
 * this point on until the replica has read it.
 */
export async function copyData(source: Superuser, from: string, to: string, slot?: string): Promise<void> {
  await asSuperuser(source, async (client) => {
    // A temporary slot keeps the log that the copy needs until the log is copied.
    await client.query("SELECT pg_create_physical_replication_slot($1, true, true)", [`copying_${process.pid}_${Date.now()}`]);
    if (slot) {
      const { rowCount } = await client.query("SELECT FROM pg_replication_slots WHERE slot_name = $1", [slot]);
      if (rowCount === 0) await client.query("SELECT pg_create_physical_replication_slot($1, true)", [slot]);
    }
    await client.query("SELECT pg_backup_start('slipway', true)");
    await copyFolder(from, to);
    const { rows } = await client.query<{ labelfile: string }>("SELECT labelfile FROM pg_backup_stop(false)");
    writeFileSync(join(to, "backup_label"), rows[0]!.labelfile);
    await copyFolder(join(from, "pg_wal"), join(to, "pg_wal"));
  });
}

async function copyFolder(from: string, to: string): Promise<void> {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const name of await readdir(from)) {
    if (EXCLUDED.test(name)) continue;
    const [fromPath, toPath] = [join(from, name), join(to, name)];
    // The source may delete a file while it is copied. The copy does not need it: replaying the log deletes it too.
    const stats = await ignoreMissing(lstat(fromPath));
    if (stats?.isDirectory() && EMPTY_FOLDERS.has(name)) mkdirSync(toPath, { mode: 0o700 });
    else if (stats?.isDirectory()) await copyFolder(fromPath, toPath);
    else if (stats) await ignoreMissing(copyFile(fromPath, toPath));
  }
}

const ignoreMissing = async <T>(work: Promise<T>): Promise<T | undefined> =>
  work.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
