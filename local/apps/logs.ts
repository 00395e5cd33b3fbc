/** Finds the logs of components and jobs on disk, also while no platform runs. */
import { existsSync, readdirSync } from "node:fs";
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
