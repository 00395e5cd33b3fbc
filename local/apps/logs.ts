/** Finds the logs of components and jobs on disk, also while no platform runs. */
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

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

/** The last lines of a component's log; "" if it has none. @param folder The component's. */
export function readLogEnd(folder: string): string {
  const path = join(folder, "log");
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
