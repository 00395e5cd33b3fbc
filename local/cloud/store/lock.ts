import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * One process at a time owns a state directory. The lock names its owner by pid and start time, so that a lock left by a killed process
 * is recognised even where its pid has been given to another one.
 *
 * @throws with the code EBUSY where another process owns it
 */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, "lock");
  const self = `${process.pid} ${startedAt(process.pid) ?? ""}`;
  try {
    writeFileSync(path, self, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const owner = readOwner(path);
    // Given back between the two looks.
    if (owner === undefined) return lockDirectory(directory);
    if (owner !== self && isRunning(owner)) {
      const text =
        `${directory} is in use by process ${owner.split(" ")[0]}. Stop it first, or choose another state directory. ` +
        `If no such process runs a local cloud, delete ${path}.`;
      throw Object.assign(new Error(text), { code: "EBUSY" });
    }
    if (owner === self) throw new Error(`${directory} is already open in this process. Close it first.`);
    writeFileSync(path, self, { mode: 0o600 });
  }
  return () => rmSync(path, { force: true });
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
 * Linux tells when a process began (field 22 of its stat, after the parenthesised name), and whether it is a zombie: killed, and only not
 * yet missed by its parent. Elsewhere the pid alone has to do.
 */
function startedAt(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
