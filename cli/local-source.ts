/** `--source <app>[/<component>]=<directory>`: where the source of an app is on this machine. */
import { resolve } from "node:path";
import { addSources, isFolder, type Sources } from "../local/apps/sources.ts";
import type { Workspace } from "../local/platform/workspace.ts";
import { UsageError } from "./command.ts";

/** Remembers the folders that were given, beside those of earlier runs. */
export function rememberSources(given: unknown, place: Workspace): void {
  if (given !== undefined) addSources(place.home.state, parseSources(given as readonly string[]));
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
