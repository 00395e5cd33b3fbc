import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServerError } from "./error.ts";
import { readJson, writeJson } from "./files.ts";
import type { ServerUser } from "./user.ts";

/**
 * A server that outlives the process that started it.
 *
 * Its folder says what was started (`command.json`, written before) and as which process (`pid`, written by that process before it becomes
 * the server). A pid alone proves nothing, since numbers are given out again: a process is ours when it runs exactly that command line,
 * which names this folder. Whatever else goes by that number is neither used nor stopped.
 */
export interface Command {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: ServerUser;
}

interface Recorded {
  readonly argv: readonly string[];
  readonly port: number;
}

export interface RunningProcess {
  readonly pid: number;
  readonly port: number;
}

const MOST_LOG_BYTES = 8 * 1024 * 1024;

/** Starts it and returns at once; `exited` settles when it is gone. */
export function launchProcess(folder: string, { argv, env, user }: Command, port: number): { readonly pid: number; exited(): boolean } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeJson(join(folder, "command.json"), { argv, port } satisfies Recorded);
  rmSync(join(folder, "pid"), { force: true });
  const log = openLog(folder);
  // The shell writes its own number down and then becomes the server, so that no moment exists in which a server runs unrecorded.
  const child = spawn("/bin/sh", ["-c", 'echo $$ > "$0" && exec "$@"', join(folder, "pid"), ...user.prefix, ...argv], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LANG: "C", TZ: "UTC", ...env },
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  let gone = false;
  child.once("error", () => {
    gone = true;
  });
  child.once("exit", () => {
    gone = true;
  });
  child.unref();
  return { pid: child.pid ?? 0, exited: () => gone };
}

/** The server of this folder, if it runs. */
export function findRunningProcess(folder: string): RunningProcess | undefined {
  const recorded = readJson<Recorded>(join(folder, "command.json"));
  const pid = recorded && readPid(folder);
  if (!recorded || !pid || !runs(pid, recorded.argv)) return undefined;
  return { pid, port: recorded.port };
}

/** Asks it to end, waits until it has, and ends it the hard way when it has not within `patience` milliseconds. */
export async function stopProcess(folder: string, signal: "SIGINT" | "SIGTERM", patience = 20_000): Promise<boolean> {
  const recorded = readJson<Recorded>(join(folder, "command.json"));
  const running = findRunningProcess(folder);
  if (!recorded || !running) return false;
  const gone = async (milliseconds: number) => {
    for (const until = Date.now() + milliseconds; Date.now() < until; await sleep(5)) if (!runs(running.pid, recorded.argv)) return true;
    return false;
  };
  for (const [next, wait] of [
    [signal, patience],
    ["SIGQUIT", patience / 4],
    ["SIGKILL", 5_000],
  ] as const) {
    sendSignal(running.pid, next);
    if (await gone(wait)) {
      rmSync(join(folder, "pid"), { force: true });
      return true;
    }
  }
  throw new ServerError(
    `Process ${running.pid} (${recorded.argv[0]}) does not end, not even when killed. Look at it: ps -fp ${running.pid}`,
  );
}

export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The end of its log, for an error message. */
export function readLogTail(folder: string, lines = 8): string {
  const path = join(folder, "log");
  if (!existsSync(path)) return "";
  return readFileSync(path, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
}

function openLog(folder: string): number {
  const path = join(folder, "log");
  if (existsSync(path) && statSync(path).size > MOST_LOG_BYTES) renameSync(path, `${path}.old`);
  return openSync(path, "a", 0o600);
}

function readPid(folder: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(join(folder, "pid"), "utf8"), 10) || undefined;
  } catch {
    return undefined;
  }
}

/** What comes before the command is the way to another user, which the process leaves behind when it becomes the server. */
function runs(pid: number, argv: readonly string[]): boolean {
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
