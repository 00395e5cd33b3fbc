/** Finds the daemon, starts it where it does not run, and ends it. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { lockDirectory } from "../../cloud/store/lock.ts";
import { findRunningProcess, launchProcess, readLogTail, stopProcess } from "../../servers/process.ts";
import { stopServers } from "../../servers/status.ts";
import { currentUser } from "../../servers/user.ts";
import type { Workspace } from "../workspace.ts";
import { callDaemon, connectionFile, type DaemonConnection, readConnection } from "./control.ts";
import { codeVersion } from "./version.ts";

const PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./main.ts" : "./main.js", import.meta.url));
const LONGEST_START_MS = 300_000;

/** The line to the daemon, if it runs and answers. */
export function findDaemon({ daemon }: Workspace): DaemonConnection | undefined {
  const running = findRunningProcess(daemon);
  const line = readConnection(daemon);
  return running && line?.pid === running.pid ? line : undefined;
}

/** A daemon that runs this very code; an older one makes room, and its servers run on. */
export async function ensureDaemon(place: Workspace): Promise<DaemonConnection> {
  const line = findDaemon(place);
  if (line?.version === codeVersion()) return line;
  if (findRunningProcess(place.daemon)) {
    if (line) await callDaemon(line, "stop", { servers: false }).catch(() => {});
    await ended(place, 10_000);
  }
  return startDaemon(place);
}

async function startDaemon(place: Workspace): Promise<DaemonConnection> {
  const { home, checkout, daemon } = place;
  rmSync(connectionFile(daemon), { force: true });
  const argv = [process.execPath, "--disable-warning=ExperimentalWarning", PROGRAM, checkout, home.state, home.cache];
  const variables = { ...process.env, NODE_COMPILE_CACHE: join(home.cache, "compiled") };
  const env = Object.fromEntries(Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const launched = launchProcess(daemon, { argv, env, user: currentUser }, 0);
  for (const until = Date.now() + LONGEST_START_MS; Date.now() < until; await sleep(10)) {
    const line = findDaemon(place);
    if (line) return line;
    if (launched.exited()) throw new Error(`The local platform does not start: ${readLogTail(daemon, 1)}\nIts log: ${join(daemon, "log")}`);
  }
  throw new Error(`The local platform's daemon is not ready after ${LONGEST_START_MS / 1000} seconds. Its log: ${join(daemon, "log")}`);
}

/** Ends the daemon, the stand-ins that live by it, and every server of this place. @returns what ran */
export async function stopPlatform(place: Workspace): Promise<{ daemon: boolean; servers: number }> {
  const line = findDaemon(place);
  const running = findRunningProcess(place.daemon) !== undefined;
  if (line) await callDaemon(line, "stop", { servers: true }).catch(() => {});
  if (line) await ended(place, 15_000);
  else await stopProcess(place.daemon, "SIGTERM");
  refuseOthers(place);
  const servers = await stopServers(place.home.state);
  return { daemon: running, servers: servers.length };
}

/** `slipway local api` in somebody's terminal uses the same servers. */
function refuseOthers({ home: { state } }: Workspace): void {
  const folder = join(state, "servers");
  if (existsSync(folder)) lockDirectory(folder)();
}

async function ended(place: Workspace, patience: number): Promise<void> {
  for (const until = Date.now() + patience; Date.now() < until; await sleep(10)) if (!findRunningProcess(place.daemon)) return;
  await stopProcess(place.daemon, "SIGTERM");
}
