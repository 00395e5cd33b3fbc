/** A folder of this machine, or of a network file system. */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { Failure } from "../../postdeploy/connect/failure.ts";
import { MAX_READ_BYTES, type ObjectStore, type StoredObject, tooLarge } from "./object-store.ts";

/** Names of objects that are being written end with it, so that no list shows them. */
const UNFINISHED = ".unfinished";
/** Node's default of 16 or 64 KiB costs a task of the thread pool for each. */
const BUFFER_BYTES = 512 * 1024;

export function openFolder(root: string): ObjectStore {
  const pathOf = (key: string) => join(root, ...key.split("/"));

  /** Writes to another file, flushes, and renames: after a crash the object is the old or the new one, never a part. */
  async function replace(key: string, fill: (path: string) => Promise<void>, publish = rename): Promise<void> {
    const path = pathOf(key);
    const unfinished = `${path}.${randomBytes(4).toString("hex")}${UNFINISHED}`;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await fill(unfinished);
      await flush(unfinished);
      await publish(unfinished, path);
      await flush(dirname(path));
    } catch (error) {
      throw folderFailure(root, error);
    } finally {
      await rm(unfinished, { force: true }).catch(() => {});
    }
  }

  const store: ObjectStore = {
    name: root,
    writeStream: (key, body) =>
      replace(key, (path) => pipeline(body, createWriteStream(path, { mode: 0o600, flags: "wx", highWaterMark: BUFFER_BYTES }))),

    async write(key, body, condition) {
      const fill = async (path: string) => {
        const file = await open(path, "wx", 0o600);
        try {
          await file.writeFile(body);
        } finally {
          await file.close();
        }
      };
      if (condition && "etag" in condition) {
        // Not atomic between processes. A writer reads the lease again before it commits.
        if ((await store.read(key))?.etag !== condition.etag) return false;
        await replace(key, fill);
        return true;
      }
      if (!condition) {
        await replace(key, fill);
        return true;
      }
      try {
        // Unlike a rename, a link fails if the name is taken.
        await replace(key, fill, link);
        return true;
      } catch (error) {
        if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === "EEXIST") return false;
        throw error;
      }
    },

    async read(key) {
      try {
        if ((await stat(pathOf(key))).size > MAX_READ_BYTES) throw tooLarge(root, key);
        const body = await readFile(pathOf(key));
        return { body, etag: etagOf(body) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw folderFailure(root, error);
      }
    },

    async readStream(key) {
      try {
        const file = await open(pathOf(key), "r");
        return createReadStream("", { fd: file, highWaterMark: BUFFER_BYTES });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT")
          throw new Failure("no-object", 1, `${key} does not exist in ${root}.`, { cause: error });
        throw folderFailure(root, error);
      }
    },

    async *list(prefix) {
      const found: StoredObject[] = [];
      try {
        for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
          const path = join(entry.parentPath, entry.name);
          const key = relative(root, path).split(sep).join("/");
          if (!entry.isFile() || !key.startsWith(prefix) || key.endsWith(UNFINISHED)) continue;
          const { size, mtime, mtimeMs } = await stat(path);
          found.push({ key, bytes: size, etag: String(mtimeMs), modifiedAt: mtime });
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw folderFailure(root, error);
      }
      yield* found.sort((one, other) => (one.key < other.key ? -1 : 1));
    },

    async remove(key) {
      await rm(pathOf(key), { force: true });
      // Folders that are empty now. One that is not stays, and so do those above it.
      for (let folder = dirname(pathOf(key)); folder.startsWith(root + sep); folder = dirname(folder)) {
        try {
          await rmdir(folder);
        } catch {
          return;
        }
      }
    },

    close() {},
  };
  return store;
}

const etagOf = (body: Buffer): string => createHash("sha256").update(body).digest("hex");

async function flush(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function folderFailure(root: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const advice: Readonly<Record<string, string>> = {
    ENOSPC: "The disk is full: free space, or name another folder.",
    EACCES: "This user may not use the folder: change its permissions, or name another folder.",
    EROFS: "The file system is read-only: name another folder.",
    ENOTDIR: "A part of the path is a file: name another folder.",
  };
  return new Failure("folder", 1, `The folder ${root} cannot be used (${code ?? message}). ${advice[code ?? ""] ?? ""}`.trim(), {
    cause: error,
  });
}
