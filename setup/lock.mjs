/**
 * One set-up at a time in a checkout. The lock is a file that names its host, its holder and npm's process, which may outlive the holder;
 * the holder touches it every two seconds. So a lock that nobody holds any more, here or in a container that shares the folder, is found
 * out by process id or by silence.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "./say.mjs";

const BEAT = 2_000;
const SILENCE = 20_000;
/** How long an install may go on without whoever started it. */
const ORPHAN = 300_000;

export async function withLock(file, work) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const me = `${os.hostname()} ${process.pid}`;
  await acquire(file, me);
  const beat = setInterval(() => touch(file), BEAT);
  try {
    return await work({ shareWith: (pid) => fs.writeFileSync(file, `${me} ${pid}`) });
  } finally {
    clearInterval(beat);
    if (read(file)?.text.startsWith(me)) fs.rmSync(file, { force: true });
  }
}

async function acquire(file, me) {
  let waitingFor;
  while (!create(file, me)) {
    const found = read(file);
    if (found === undefined) continue;
    if (isDead(found)) {
      setAside(file, found);
      continue;
    }
    const [host, pid] = found.text.split(" ");
    if (pid !== undefined && pid !== waitingFor)
      say(`Another set-up (process ${pid} on ${host}) is at work in this folder; waiting for it.`);
    waitingFor = pid;
    await sleep(200);
  }
}

function create(file, me) {
  try {
    fs.writeFileSync(file, me, { flag: "wx" });
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
  if (host !== os.hostname()) return silentFor > SILENCE;
  // Alive but silent: the id has gone to another process since.
  if (isAlive(Number(holder))) return silentFor > SILENCE;
  return npm === undefined || !isAlive(Number(npm)) || silentFor > ORPHAN;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Renamed before it is removed: of two that find the same dead lock, the slower one notices that it took a live one and gives it back. */
function setAside(file, found) {
  const aside = `${file}.${process.pid}`;
  try {
    fs.renameSync(file, aside);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  if (read(aside)?.text !== found.text && !fs.existsSync(file)) fs.renameSync(aside, file);
  else fs.rmSync(aside, { force: true });
}

function touch(file) {
  try {
    fs.utimesSync(file, new Date(), new Date());
  } catch {
    // Set aside by another machine that thought this one silent: the install goes on, and the next run checks what it left.
  }
}
