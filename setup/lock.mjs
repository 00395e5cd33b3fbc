/**
 * Allows one set-up at a time per checkout. The lock file contains the host, the process id of the holder and that of npm, which may outlive
 * the holder. The holder touches the file every two seconds. So an abandoned lock is detected by process id, or, if it belongs to a container
 * that shares the folder, by its age.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { print } from "./output.mjs";

const HEARTBEAT_MS = 2_000;
const MAX_SILENCE_MS = 20_000;
/** How long npm may continue after the process that started it has ended. */
const MAX_ORPHAN_MS = 300_000;

export async function withLock(file, work) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const holder = `${os.hostname()} ${process.pid}`;
  await acquire(file, holder);
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  try {
    return await work({ shareWith: (pid) => fs.writeFileSync(file, `${holder} ${pid}`) });
  } finally {
    clearInterval(heartbeat);
    if (read(file)?.text.startsWith(holder)) fs.rmSync(file, { force: true });
  }
}

async function acquire(file, holder) {
  let waitingFor;
  while (!create(file, holder)) {
    const found = read(file);
    if (found === undefined) continue;
    if (isDead(found)) {
      removeDeadLock(file, found);
      continue;
    }
    const [host, pid] = found.text.split(" ");
    if (pid !== undefined && pid !== waitingFor)
      print(`Another set-up (process ${pid} on ${host}) is running in this folder; waiting for it.`);
    waitingFor = pid;
    await sleep(200);
  }
}

function create(file, holder) {
  try {
    fs.writeFileSync(file, holder, { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function read(file) {
  try {
    return { text: fs.readFileSync(file, "utf8"), silentFor: Date.now() - fs.statSync(file).mtimeMs };
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isDead({ text, silentFor }) {
  const [host, holder, npm] = text.split(" ");
  if (host !== os.hostname()) return silentFor > MAX_SILENCE_MS;
  // A process with this id that does not touch the file is a different process: the id was reused.
  if (isAlive(Number(holder))) return silentFor > MAX_SILENCE_MS;
  return npm === undefined || !isAlive(Number(npm)) || silentFor > MAX_ORPHAN_MS;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Renames the lock before removing it: if another process has replaced it in the meantime, the rename takes a live lock, which is restored. */
function removeDeadLock(file, found) {
  const renamed = `${file}.${process.pid}`;
  try {
    fs.renameSync(file, renamed);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  if (read(renamed)?.text !== found.text && !fs.existsSync(file)) fs.renameSync(renamed, file);
  else fs.rmSync(renamed, { force: true });
}

function touch(file) {
  try {
    fs.utimesSync(file, new Date(), new Date());
  } catch {
    // Another host considered this lock abandoned. The install continues, and the next run checks its result.
  }
}
