import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Locks a state directory for this process and returns the unlock function. The lock file holds the owner's pid and start time, so a lock
 * left by a killed process is recognized even if its pid was reused.
 *
 * @throws {InUseError} if another process holds the lock
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, "lock");
  const self = `${process.pid} ${startedAt(process.pid) ?? ""}`;
  for (;;) {
    if (createLock(path, self)) return () => rmSync(path, { force: true });
    const owner = readOwner(path);
    // undefined: the owner released the lock between the two steps.
    if (owner === undefined) continue;
    if (owner === self) throw new Error(`${directory} is already open in this process. Close it first.`);
    if (isRunning(owner)) {
      const text =
        `${directory} is in use by process ${owner.split(" ")[0]}. Stop it first, or choose another state directory. ` +
        `If no such process runs a local cloud, delete ${path}.`;
      throw new InUseError(text, owner.split(" ")[0]!);
    }
    removeStale(path, owner);
  }
}

export class InUseError extends Error {
  readonly code = "EBUSY";
  /** Of the process that holds the lock. */
  readonly pid: string;
  constructor(message: string, pid: string) {
    super(message);
    this.pid = pid;
  }
}

/** Locks a folder, which is created where it is missing, for a command of which one runs at a time. @param explain What a second run says. */
export function lockCommand(folder: string, explain: (holder: InUseError) => Error): () => void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    return lockDirectory(folder);
  } catch (error) {
    throw error instanceof InUseError ? explain(error) : error;
  }
}

/** A link appears with its content: another process never reads an empty lock, which it would take for one without an owner. */
function createLock(path: string, self: string): boolean {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, self, { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes the lock of a process that has ended. If another process has replaced it in the meantime, that lock is put back. */
function removeStale(path: string, owner: string): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
    if (readOwner(aside) !== owner) linkSync(aside, path);
  } catch (error) {
    if (!["ENOENT", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function readOwner(lock: string): string | undefined {
  try {
    return readFileSync(lock, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
}

function isRunning(owner: string): boolean {
  const [pid = "", started = ""] = owner.split(" ");
  if (!/^\d+$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return (startedAt(Number(pid)) ?? "") === started;
}

/**
 * On Linux, returns the start time of a process (field 22 of /proc/<pid>/stat, counted after the name in parentheses), or undefined for a
 * zombie. Other systems have no such file, so only the pid is compared.
 */
function startedAt(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
