/** One component of an app as a process. It is restarted if it exits, and exits with its parent process. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keepRestart } from "./logs.ts";

export interface ComponentOptions {
  /** The folder of its log. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** The paths of its health checks. */
  readonly healthPaths?: readonly string[];
  /** A Node program that runs in place of the placeholder. */
  readonly program?: string | undefined;
}

export interface RunningComponent {
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** In the published package both files are compiled. */
export const PLACEHOLDER_PROGRAM = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./placeholder/main.ts" : "./placeholder/main.js", import.meta.url),
);

const MAX_LOG_BYTES = 4 * 1024 * 1024;
const MAX_PAUSE_MS = 10_000;
const STOP_TIMEOUT_MS = 3_000;

export function startComponent({ folder, env, healthPaths = [], program }: ComponentOptions): RunningComponent {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let isStopped = false;
  let pause = 100;
  const placeholder = [PLACEHOLDER_PROGRAM, ...healthPaths.flatMap((path) => ["--health", path])];
  let child = launch();

  function launch(): ChildProcess {
    const log = openLog(join(folder, "log"));
    // Of this process's own environment only PATH: a variable that the spec lacks must be missing here too.
    const started = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", ...(program === undefined ? placeholder : [program])],
      {
        cwd: folder,
        env: { PATH: process.env.PATH ?? "", ...env },
        stdio: ["pipe", log, log],
      },
    );
    closeSync(log);
    started.stdin?.on("error", () => {});
    started.once("error", () => {});
    started.once("exit", (code, signal) => {
      if (isStopped) return;
      keepRestart(folder, signal === null ? `the process ended with code ${code}` : `the process was ended by ${signal}`);
      pause = Math.min(pause * 2, MAX_PAUSE_MS);
      setTimeout(() => {
        if (!isStopped) child = launch();
      }, pause).unref();
    });
    return started;
  }

  return {
    get pid() {
      return child.exitCode === null && child.signalCode === null ? child.pid : undefined;
    },
    async stop() {
      isStopped = true;
      const last = child;
      if (last.exitCode !== null || last.signalCode !== null) return;
      const exited = new Promise<void>((resolve) => last.once("exit", () => resolve()));
      last.kill("SIGTERM");
      const timer = setTimeout(() => last.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

export function openLog(path: string): number {
  try {
    if (statSync(path).size > MAX_LOG_BYTES) renameSync(path, `${path}.old`);
  } catch {
    // The file does not exist yet.
  }
  return openSync(path, "a", 0o600);
}
