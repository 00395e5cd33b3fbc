/** Files that a keyspace names: plain ones, below its folder, that can be read. A seed is no way to the rest of the machine. */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { declarationError, type FileLocation } from "./entry.ts";

/** @throws told at `place`, where the file is named, if it may not or cannot be read. */
export function checkFile(folder: string, name: string, place: FileLocation, what: string): void {
  const path = join(folder, name);
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    throw declarationError(place, `the ${what} ${path} is not there. Make it, or take it out.`);
  }
  const below = relative(realpathSync(folder), real);
  if (below.startsWith("..") || isAbsolute(below))
    throw declarationError(place, `the ${what} ${path} lies outside of ${folder}. Copy it there.`);
  if (!statSync(real).isFile()) throw declarationError(place, `the ${what} ${path} is no plain file. Name one.`);
  try {
    accessSync(real, constants.R_OK);
  } catch {
    throw declarationError(place, `the ${what} ${path} may not be read by this user. See: ls -l ${path}`);
  }
}
