/** A JSON file with rows. Two instances of a service may write it at the same time, as they do while a deployment replaces one by the other. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InUseError, lockDirectory } from "../../cloud/store/lock.ts";

export interface Row {
  readonly id: string;
}

export interface JsonFile<R extends Row> {
  /** As the file is now. */
  read(): Promise<ReadonlyMap<string, R>>;
  /** Runs `changeRows` while no other process writes, and writes the rows that it has changed. If it throws, the file stays as it is. */
  change<T>(changeRows: (rows: Map<string, R>) => Promise<T>): Promise<T>;
}

const POLL_MS = 2;

/** @param work A folder for the lock and the draft of the next file, so that the folder of the file has nothing but data. */
export function openJsonFile<R extends Row>(path: string, work: string): JsonFile<R> {
  let cached: { readonly version: string; readonly rows: ReadonlyMap<string, R> } = { version: "", rows: new Map() };
  const lock = join(work, `${basename(path)}.lock`);
  const draft = join(work, `${basename(path)}.new`);
  mkdirSync(lock, { recursive: true, mode: 0o700 });

  async function read(): Promise<ReadonlyMap<string, R>> {
    const stats = await stat(path, { bigint: true }).catch(() => undefined);
    const version = stats === undefined ? "" : `${stats.ino} ${stats.mtimeNs} ${stats.size}`;
    if (version === cached.version) return cached.rows;
    const rows = JSON.parse(await readFile(path, "utf8")) as readonly R[];
    // The file may have been replaced between the two reads: the next read then finds another version.
    cached = { version, rows: new Map(rows.map((row) => [row.id, row])) };
    return cached.rows;
  }

  return {
    read,
    async change(changeRows) {
      const unlock = await takeLock(lock);
      try {
        const rows = new Map(await read());
        const result = await changeRows(rows);
        write(draft, path, JSON.stringify([...rows.values()]));
        return result;
      } finally {
        unlock();
      }
    },
  };
}

async function takeLock(lock: string): Promise<() => void> {
  for (;;)
    try {
      return lockDirectory(lock);
    } catch (error) {
      if (!(error instanceof InUseError)) throw error;
      await sleep(POLL_MS);
    }
}

/** A reader sees the old file or the new one. */
function write(draft: string, path: string, text: string): void {
  const file = openSync(draft, "w", 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(draft, path);
}
