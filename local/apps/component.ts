/** One component of an app as a process: started with its variables, started again when it ends by itself, ended with whoever started it. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface ComponentOptions {
  /** Where its log is. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where its health checks ask. */
  readonly healthPaths?: readonly string[];
}

export interface RunningComponent {
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** In the package this file is compiled, and so is that one. */
export const PLACEHOLDER_PROGRAM = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./placeholder/main.ts" : "./placeholder/main.js", import.meta.url),
);

const MOST_LOG_BYTES = 4 * 1024 * 1024;
const MOST_PAUSE_MS = 10_000;
const LONGEST_STOP_MS = 3_000;

export function startComponent({ folder, env, healthPaths = [] }: ComponentOptions): RunningComponent {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let wanted = true;
  let pause = 100;
  let child = launch();

  function launch(): ChildProcess {
    const log = openLog(join(folder, "log"));
    // Nothing of this process's own environment but what Node needs: a variable that the spec forgets must be missing here too.
    const started = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", PLACEHOLDER_PROGRAM, ...healthPaths.flatMap((path) => ["--health", path])],
      {
        cwd: folder,
        env: { PATH: process.env.PATH ?? "", ...env },
        stdio: ["pipe", log, log],
      },
    );
    closeSync(log);
    started.stdin?.on("error", () => {});
    started.once("error", () => {});
    started.once("exit", () => {
      if (!wanted) return;
      pause = Math.min(pause * 2, MOST_PAUSE_MS);
      setTimeout(() => {
        if (wanted) child = launch();
      }, pause).unref();
    });
    return started;
  }

  return {
    get pid() {
      return child.exitCode === null && child.signalCode === null ? child.pid : undefined;
    },
    async stop() {
      wanted = false;
      const last = child;
      if (last.exitCode !== null || last.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => last.once("exit", () => resolve()));
      last.kill("SIGTERM");
      const timer = setTimeout(() => last.kill("SIGKILL"), LONGEST_STOP_MS);
      await gone;
      clearTimeout(timer);
    },
  };
}

export function openLog(path: string): number {
  try {
    if (statSync(path).size > MOST_LOG_BYTES) renameSync(path, `${path}.old`);
  } catch {
    // There is none yet.
  }
  return openSync(path, "a", 0o600);
}
