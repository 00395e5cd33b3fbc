/** Finds, starts and stops the daemon. */
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
const START_TIMEOUT_MS = 300_000;

/** @returns undefined if the daemon does not run or is not ready */
export function findDaemon({ daemon }: Workspace): DaemonConnection | undefined {
  const running = findRunningProcess(daemon);
  const connection = readConnection(daemon);
  return running && connection?.pid === running.pid ? connection : undefined;
}

/** Starts the daemon if it does not run, and replaces one of another version. Database servers keep running during the replacement. */
export async function ensureDaemon(workspace: Workspace): Promise<DaemonConnection> {
  const connection = findDaemon(workspace);
  if (connection?.version === codeVersion()) return connection;
  if (findRunningProcess(workspace.daemon)) {
    if (connection) await callDaemon(connection, "stop", { servers: false }).catch(() => {});
    await waitUntilStopped(workspace, 10_000);
  }
  return startDaemon(workspace);
}

async function startDaemon(workspace: Workspace): Promise<DaemonConnection> {
  const { home, checkout, daemon } = workspace;
  rmSync(connectionFile(daemon), { force: true });
  const argv = [process.execPath, "--disable-warning=ExperimentalWarning", PROGRAM, checkout, home.state, home.cache];
  const variables = { ...process.env, NODE_COMPILE_CACHE: join(home.cache, "compiled") };
  const env = Object.fromEntries(Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined));
  const launched = launchProcess(daemon, { argv, env, user: currentUser }, 0);
  for (const until = Date.now() + START_TIMEOUT_MS; Date.now() < until; await sleep(10)) {
    const connection = findDaemon(workspace);
    if (connection) return connection;
    if (launched.exited()) throw new Error(`The local platform did not start: ${readLogTail(daemon, 1)}\nLog: ${join(daemon, "log")}`);
  }
  throw new Error(`The local platform was not ready within ${START_TIMEOUT_MS / 1000} seconds. Log: ${join(daemon, "log")}`);
}

/** Stops the daemon with its placeholder services, and all servers of the workspace. @returns what was running */
export async function stopPlatform(workspace: Workspace): Promise<{ daemon: boolean; servers: number }> {
  const connection = findDaemon(workspace);
  const running = findRunningProcess(workspace.daemon) !== undefined;
  if (connection) await callDaemon(connection, "stop", { servers: true }).catch(() => {});
  if (connection) await waitUntilStopped(workspace, 15_000);
  else await stopProcess(workspace.daemon, "SIGTERM");
  requireUnlocked(workspace);
  const servers = await stopServers(workspace.home.state);
  return { daemon: running, servers: servers.length };
}

/** @throws if `slipway local api` in another terminal uses the servers */
function requireUnlocked({ home: { state } }: Workspace): void {
  const folder = join(state, "servers");
  if (existsSync(folder)) lockDirectory(folder)();
}

async function waitUntilStopped(workspace: Workspace, timeoutMs: number): Promise<void> {
  for (const until = Date.now() + timeoutMs; Date.now() < until; await sleep(10)) if (!findRunningProcess(workspace.daemon)) return;
  await stopProcess(workspace.daemon, "SIGTERM");
}
