import { mkdirSync, writeFileSync } from "node:fs";
import { copyFile, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { asSuperuser, type Superuser } from "./admin.ts";

/** Rebuilt by every server for itself, and wrong in a copy. Their folders have to be there, empty. */
const EMPTIED = new Set(["pg_dynshmem", "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans", "pg_wal"]);
const LEFT_OUT = /^(postmaster\.(pid|opts)|backup_label|standby\.signal|recovery\.signal|pgsql_tmp.*|pg_internal\.init.*)$/;

/**
 * A copy of a running server's data, which it can start from: what pg_basebackup does, which the npm packages do not have.
 * With a slot the original keeps its log from here on for whoever reads that slot.
 */
export async function copyData(original: Superuser, from: string, to: string, slot?: string): Promise<void> {
  await asSuperuser(original, async (client) => {
    // The session's own slot keeps the log that the copy needs until it has been copied too.
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
    if (LEFT_OUT.test(name)) continue;
    const [source, target] = [join(from, name), join(to, name)];
    // The original goes on working: what it removes meanwhile is not needed, its log says so.
    const stats = await orGone(lstat(source));
    if (stats?.isDirectory() && EMPTIED.has(name)) mkdirSync(target, { mode: 0o700 });
    else if (stats?.isDirectory()) await copyFolder(source, target);
    else if (stats) await orGone(copyFile(source, target));
  }
}

const orGone = async <T>(work: Promise<T>): Promise<T | undefined> =>
  work.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
