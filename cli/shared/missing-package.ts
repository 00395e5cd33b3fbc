/** A package that Node does not find, in words that say how to install it. */
import { existsSync } from "node:fs";
import path from "node:path";

/** @returns undefined for every other error. */
export function missingPackage(error: unknown): string | undefined {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") return undefined;
  const [, imported, by] = /^Cannot find package '([^']+)' imported from (.+)$/m.exec(message) ?? [];
  const [, required, stack] = /^Cannot find module '((?!\.?\.?\/)[^']+)'\nRequire stack:\n- (.+)$/m.exec(message) ?? [];
  const [name, file] = [imported ?? required, by ?? stack];
  if (name === undefined || file === undefined) return undefined;
  return `The package ${name}, which ${file} needs, is not installed. Install the packages of this project: cd '${projectOf(file)}' && npm install`;
}

/** The nearest folder with a package.json that is not itself an installed package. */
function projectOf(file: string): string {
  const [own = file] = file.split(`${path.sep}node_modules${path.sep}`);
  for (let folder = own === file ? path.dirname(file) : own; ; folder = path.dirname(folder))
    if (existsSync(path.join(folder, "package.json")) || folder === path.dirname(folder)) return folder;
}
