import { readdirSync } from "node:fs";
import path from "node:path";

/** The folders in this one that hold a file with this ending, for a message about a folder that holds none. */
export function foldersWith(ending: RegExp, folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(path.join(folder, entry.name)).some((name) => ending.test(name)))
    .map(({ name }) => path.join(folder, name));
}
