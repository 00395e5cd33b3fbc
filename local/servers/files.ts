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
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { ServerError } from "./error.ts";

/** Whole or not at all, whatever dies meanwhile, and for its owner alone. */
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
    throw new Error(`${path} cannot be read: ${(error as Error).message}. Mend it, or delete it to start anew.`, { cause: error });
  }
}

export const writeJson = (path: string, value: unknown): void => writeSecret(path, `${JSON.stringify(value, null, 2)}\n`);

/** A value for a configuration file of lines: what comes over an API must not be able to add one. */
export function requireOneLine(value: string): string {
  if (/[\r\n\0]/.test(value))
    throw new ServerError(`${JSON.stringify(value)} goes over more than one line, which a server's configuration cannot hold.`);
  return value;
}

/**
 * A folder that is there as a whole or not at all: made beside its place and then moved into it. When two make it at once, the first one
 * to finish has made it. What a killed maker left behind is swept away by the next.
 */
export async function createFolder(path: string, make: (folder: string) => void | Promise<void>, owner?: number): Promise<string> {
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true, mode: owner === undefined ? 0o700 : 0o755 });
  sweep(path);
  const folder = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.part`;
  mkdirSync(folder, { mode: 0o700 });
  if (owner !== undefined) chownSync(folder, owner, owner);
  try {
    await make(folder);
    renameSync(folder, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return path;
}

function sweep(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    const maker = name.startsWith(`${basename(path)}.`) && /\.(\d+)\.\w+\.part$/.exec(name)?.[1];
    if (maker && !isAlive(Number(maker))) rmSync(join(dirname(path), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Gives a folder and all in it to the user that a server runs as. */
export function changeOwner(uid: number | undefined, path: string): void {
  if (uid === undefined) return;
  lchownSync(path, uid, uid);
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) changeOwner(uid, join(path, name));
}
