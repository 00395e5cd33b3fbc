/**
 * One set-up at a time in a checkout. The lock is a file that names its holder, who touches it every two seconds: a holder that died,
 * here or in a container that shares this folder, is found out by its process id or by its silence.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "./say.mjs";

const BEAT = 2_000;
const SILENCE = 20_000;

export async function withLock(file, work) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const me = `${process.pid} ${os.hostname()}\n`;
  await acquire(file, me);
  const beat = setInterval(() => touch(file), BEAT);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (read(file)?.holder === me) fs.rmSync(file, { force: true });
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
    if (waitingFor !== found.holder) say(`Another set-up (process ${found.holder.trim()}) is at work in this folder; waiting for it.`);
    waitingFor = found.holder;
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
    return { holder: fs.readFileSync(file, "utf8"), silentFor: Date.now() - fs.statSync(file).mtimeMs };
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isDead({ holder, silentFor }) {
  const [pid, host] = holder.trim().split(" ");
  if (silentFor > SILENCE) return true;
  return host === os.hostname() && !isAlive(Number(pid));
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
  if (read(aside)?.holder !== found.holder && !fs.existsSync(file)) fs.renameSync(aside, file);
  else fs.rmSync(aside, { force: true });
}

function touch(file) {
  try {
    fs.utimesSync(file, new Date(), new Date());
  } catch {
    // Set aside by another machine that thought this one silent: the install goes on, and the next run checks what it left.
  }
}
