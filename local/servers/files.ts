import { randomBytes } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { ServerError } from "./error.ts";
import { isRunning } from "./is-running.ts";

/** Writes a file that only its owner can read. A crash leaves either the old or the new file, never a part. */
export function writeSecret(path: string, contents: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.new`;
  try {
    const file = openSync(temporary, "w", 0o600);
    writeSync(file, contents);
    fsyncSync(file);
    closeSync(file);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`${path} cannot be read: ${(error as Error).message}. Fix the file, or delete it to start again.`, { cause: error });
  }
}

export const writeJson = (path: string, value: unknown): void => writeSecret(path, `${JSON.stringify(value, null, 2)}\n`);

/** For a value in a configuration file: a value that comes over the API must not be able to add a line. */
export function requireOneLine(value: string): string {
  if (/[\r\n\0]/.test(value))
    throw new ServerError(`${JSON.stringify(value)} contains a line break, which is not possible in a server's configuration.`);
  return value;
}

/**
 * Creates a folder atomically: `create` fills a temporary folder, which is then renamed. If two processes do so at once, the first one that
 * finishes wins and both use its folder. Temporary folders of processes that have ended are deleted.
 */
export async function createFolder(path: string, create: (folder: string) => void | Promise<void>, owner?: number): Promise<string> {
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true, mode: owner === undefined ? 0o700 : 0o755 });
  removeUnfinished(path);
  const folder = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.part`;
  mkdirSync(folder, { mode: 0o700 });
  if (owner !== undefined) chownSync(folder, owner, owner);
  try {
    await create(folder);
    renameSync(folder, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return path;
}

function removeUnfinished(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    const pid = name.startsWith(`${basename(path)}.`) && /\.(\d+)\.\w+\.part$/.exec(name)?.[1];
    if (pid && !isRunning(Number(pid))) rmSync(join(dirname(path), name), { recursive: true, force: true });
  }
}

/** Makes the user that a server runs as the owner of a folder and everything in it. */
export function changeOwner(uid: number | undefined, path: string): void {
  if (uid === undefined) return;
  lchownSync(path, uid, uid);
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) changeOwner(uid, join(path, name));
}

/**
 * For a folder in a directory that every local user can write to, where another user can create a folder or a symbolic link of its name first: is
 * it a real folder of this user, which no other user can write to or replace?
 */
export function isProtectedFolder(path: string): boolean {
  const uid = process.getuid?.();
  if (uid === undefined) return false;
  const [stats, parent] = [lstatSync(path), statSync(dirname(path))];
  const canBeReplaced = ![0, uid].includes(parent.uid) || (isWritableByOthers(parent.mode) && (parent.mode & STICKY) === 0);
  return stats.isDirectory() && stats.uid === uid && !isWritableByOthers(stats.mode) && !canBeReplaced;
}

/** In a directory with this bit only the owner of an entry can rename or delete it. */
const STICKY = 0o1000;
const isWritableByOthers = (mode: number): boolean => (mode & 0o022) !== 0;
