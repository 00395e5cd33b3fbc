/**
 * A stack's state in a folder (`pulumi login file://…`) is two files. Pulumi replaces the one with the resources as a whole, and writes the one with its
 * attributes in place: killed at that moment, it leaves an empty file, and every command fails with "failed to load checkpoint: EOF". The attributes
 * are a checksum and a content type; without the file, Pulumi uses defaults.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The attributes that a killed run left unfinished. @param backend As `pulumi whoami` prints it: "file:///var/state". */
export function findUnfinishedAttributes(
  backend: string,
  { project, stack }: { readonly project: string; readonly stack: string },
): string | undefined {
  const folder = folderOf(backend);
  if (folder === undefined) return undefined;
  const stacks = join(folder, ".pulumi", "stacks");
  return [join(stacks, project, `${stack}.json.attrs`), join(stacks, `${stack}.json.attrs`)].find(isUnfinished);
}

function folderOf(backend: string): string | undefined {
  if (!backend.startsWith("file://")) return undefined;
  const [, below] = /^file:\/\/~(.*)$/.exec(backend) ?? [];
  if (below !== undefined) return join(homedir(), decodeURIComponent(below));
  return URL.canParse(backend) && new URL(backend).host === "" ? fileURLToPath(new URL(backend)) : undefined;
}

function isUnfinished(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    JSON.parse(readFileSync(file, "utf8"));
    return false;
  } catch {
    return true;
  }
}
