import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServerError } from "./error.ts";
import { readJson, writeJson } from "./files.ts";
import type { ServerUser } from "./user.ts";

/**
 * A process that keeps running after the process that started it has exited.
 *
 * Its folder holds the command line (`command.json`, written before the start) and the pid (`pid`, written by the process itself before it
 * becomes the server). The system may give the pid to another process later, so a process counts as this server only if it has exactly
 * that command line, which contains the folder. Any other process is neither used nor stopped.
 */
export interface Command {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: ServerUser;
}

interface CommandRecord {
  readonly argv: readonly string[];
  readonly port: number;
}

export interface RunningProcess {
  readonly pid: number;
  readonly port: number;
}

const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** Starts the process and returns at once, without waiting until it is ready. */
export function launchProcess(folder: string, { argv, env, user }: Command, port: number): { readonly pid: number; exited(): boolean } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeJson(join(folder, "command.json"), { argv, port } satisfies CommandRecord);
  rmSync(join(folder, "pid"), { force: true });
  const log = openLog(folder);
  // The shell writes its own pid and then becomes the server, so that a server never runs without a record of it.
  const child = spawn("/bin/sh", ["-c", 'echo $$ > "$0" && exec "$@"', join(folder, "pid"), ...user.prefix, ...argv], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LANG: "C", TZ: "UTC", ...env },
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  let hasExited = false;
  child.once("error", () => {
    hasExited = true;
  });
  child.once("exit", () => {
    hasExited = true;
  });
  child.unref();
  return { pid: child.pid ?? 0, exited: () => hasExited };
}

/**
 * Ends shells that have not yet become this folder's server. A slipway that was killed during a start leaves one behind: next to a second start it
 * would become a second server, or record its own pid over that of the first. Linux only; elsewhere a process's arguments cost a program to read.
 */
export function endUnfinishedLaunches(folder: string): void {
  if (process.platform !== "linux") return;
  const marker = `\0${join(folder, "pid")}\0`;
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(marker)) process.kill(Number(entry), "SIGKILL");
    } catch {
      // It has ended, or belongs to another user.
    }
  }
}

/** The process of this folder, if it is running. */
export function findRunningProcess(folder: string): RunningProcess | undefined {
  const recorded = readJson<CommandRecord>(join(folder, "command.json"));
  const pid = recorded && readPid(folder);
  if (!recorded || !pid || !isCommandOf(pid, recorded.argv)) return undefined;
  return { pid, port: recorded.port };
}

/** Sends the signal, and SIGQUIT and SIGKILL if the process does not exit in time. @returns false if it was not running */
export async function stopProcess(folder: string, signal: "SIGINT" | "SIGTERM", timeoutMs = 20_000): Promise<boolean> {
  const recorded = readJson<CommandRecord>(join(folder, "command.json"));
  const running = findRunningProcess(folder);
  if (!recorded || !running) return false;
  const exitedWithin = async (milliseconds: number) => {
    for (const until = Date.now() + milliseconds; Date.now() < until; await sleep(5))
      if (!isCommandOf(running.pid, recorded.argv)) return true;
    return false;
  };
  for (const [next, wait] of [
    [signal, timeoutMs],
    ["SIGQUIT", timeoutMs / 4],
    ["SIGKILL", 5_000],
  ] as const) {
    sendSignal(running.pid, next);
    if (await exitedWithin(wait)) {
      rmSync(join(folder, "pid"), { force: true });
      return true;
    }
  }
  throw new ServerError(
    `Process ${running.pid} (${recorded.argv[0]}) is still running after SIGKILL. See its state: ps -fp ${running.pid}`,
  );
}

export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The last lines of its log, for an error message. */
export function readLogTail(folder: string, lines = 8): string {
  const path = join(folder, "log");
  if (!existsSync(path)) return "";
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
}

function openLog(folder: string): number {
  const path = join(folder, "log");
  if (existsSync(path) && statSync(path).size > MAX_LOG_BYTES) renameSync(path, `${path}.old`);
  return openSync(path, "a", 0o600);
}

function readPid(folder: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(join(folder, "pid"), "utf8"), 10) || undefined;
  } catch {
    return undefined;
  }
}

/** Compares the end of the command line: `unshare` or `setpriv` comes before it until the process has become the server. */
function isCommandOf(pid: number, argv: readonly string[]): boolean {
  if (process.platform === "linux") {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").endsWith(`${argv.join("\0")}\0`);
    } catch {
      return false;
    }
  }
  return spawnSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" })
    .stdout.trimEnd()
    .endsWith(argv.join(" "));
}
