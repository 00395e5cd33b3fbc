/** Finds the logs of components and jobs on disk, also while no platform runs. */
import { appendFileSync, closeSync, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { LogType } from "../cloud/backing.ts";

export interface AppLog {
  readonly app: string;
  readonly component: string;
  readonly path: string;
}

export function findAppLogs(state: string): AppLog[] {
  const folder = join(state, "apps");
  return foldersIn(folder).flatMap((app) =>
    foldersIn(join(folder, app))
      .map((component) => ({ app, component, path: join(folder, app, component, "log") }))
      .filter(({ path }) => existsSync(path)),
  );
}

const foldersIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort()
    : [];

const LOG_END_BYTES = 256 * 1024;

const FILES: Readonly<Record<LogType, string>> = { RUN: "log", RUN_RESTARTED: "restarts" };

/** The last lines of a component's log; "" if it has none. @param folder The component's. */
export function readLogEnd(folder: string, type: LogType): string {
  const path = join(folder, FILES[type]);
  if (!existsSync(path)) return "";
  const { size } = statSync(path);
  const bytes = Buffer.alloc(Math.min(size, LOG_END_BYTES));
  const file = openSync(path, "r");
  try {
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
  } finally {
    closeSync(file);
  }
  const text = bytes.toString("utf8");
  return size > LOG_END_BYTES ? text.slice(text.indexOf("\n") + 1) : text;
}

const LINES_OF_A_RESTART = 10;

/** Keeps the end of what a process printed that ended by itself, each line with its time, as App Platform has them. */
export function keepRestart(folder: string, reason: string): void {
  const printed = readLogEnd(folder, "RUN").trimEnd().split("\n").slice(-LINES_OF_A_RESTART);
  const at = new Date().toISOString();
  appendFileSync(join(folder, FILES.RUN_RESTARTED), [...printed, reason].map((line) => `${at} ${line}\n`).join(""), { mode: 0o600 });
}
