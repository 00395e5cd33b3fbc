/** `--source <app>[/<component>]=<directory>`: the source directory of an app; `--program <app>/<component>=<file>`: what runs as a service. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { addPrograms, type Programs } from "../../local/apps/programs.ts";
import { addSources, isFolder, type Sources } from "../../local/apps/sources.ts";
import type { Workspace } from "../../local/platform/workspace.ts";
import { UsageError } from "../shared/errors.ts";

/** Saves the directories for later runs, along with those of earlier runs. */
export function rememberSources(given: readonly string[] | undefined, workspace: Workspace): void {
  if (given !== undefined) addSources(workspace.home.state, parseSources(given));
}

function parseSources(given: readonly string[]): Sources {
  return Object.fromEntries(
    given.map((text) => {
      const [, name, folder] = /^([a-z][a-z0-9-]*(?:\/[a-z][a-z0-9-]*)?)=(.+)$/s.exec(text) ?? [];
      if (name === undefined || folder === undefined)
        throw new UsageError(`--source takes <app>=<directory> or <app>/<component>=<directory>, not "${text}": --source shop=../shop`);
      const path = resolve(folder);
      if (!isFolder(path)) throw new UsageError(`--source ${text}: ${path} is not a directory. Name the root of the app's repository.`);
      return [name, path];
    }),
  );
}

/** Saves the programs for later runs. @returns whether one of them is new, so that a running platform has to start again */
export function rememberPrograms(given: readonly string[] | undefined, workspace: Workspace): boolean {
  return given !== undefined && addPrograms(workspace.home.state, parsePrograms(given));
}

function parsePrograms(given: readonly string[]): Programs {
  return Object.fromEntries(
    given.map((text) => {
      const [, name, file] = /^([a-z][a-z0-9-]*\/[a-z][a-z0-9-]*)=(.+)$/s.exec(text) ?? [];
      if (name === undefined || file === undefined)
        throw new UsageError(`--program takes <app>/<component>=<file>, not "${text}": --program shop-local/api=../shop/server.js`);
      const path = resolve(file);
      if (!existsSync(path)) throw new UsageError(`--program ${text}: there is no file ${path}. Name the program that Node starts.`);
      return [name, path];
    }),
  );
}
