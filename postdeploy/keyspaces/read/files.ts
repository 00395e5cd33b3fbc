/** Access to the files that a keyspace declares. */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { Failure } from "../../connect/failure.ts";
import { declarationError, type FileLocation } from "./entry.ts";

/**
 * Requires a readable regular file inside of the folder, so that a seed cannot read other files of the machine.
 *
 * @param location where the file is declared, for the error
 */
export function checkFile(folder: string, name: string, location: FileLocation, kind: string): void {
  const path = join(folder, name);
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    throw declarationError(location, `the ${kind} ${path} does not exist. Create it, or remove it from the declaration.`);
  }
  const inside = relative(realpathSync(folder), real);
  if (inside.startsWith("..") || isAbsolute(inside))
    throw declarationError(location, `the ${kind} ${path} is outside of ${folder}. Copy it into that folder.`);
  if (!statSync(real).isFile()) throw declarationError(location, `the ${kind} ${path} is not a regular file.`);
  try {
    accessSync(real, constants.R_OK);
  } catch {
    throw declarationError(location, `the ${kind} ${path} is not readable by this user. Check: ls -l ${path}`);
  }
}

export const dataFilePath = ({ folder }: { readonly folder: string }, name: string): string => join(folder, name);

export function decodeUtf8(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Failure("bad-seed", 2, `${file} is not UTF-8. Save it as UTF-8; write binary data as { base64: … }.`, { cause: error });
  }
}
