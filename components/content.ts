/** What a folder holds, by content: the key of a post-deploy step. */
import { hash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RunError } from "@pulumi/pulumi";

export interface Content {
  /** From the program's directory, with forward slashes: the same on every machine, so no diff between two of them. */
  readonly folder: string;
  readonly digest: string;
  /** By name, in the order in which they apply. */
  readonly files: readonly { readonly name: string; readonly digest: string }[];
}

export function contentOf(folder: string, directory: string = process.cwd()): Content {
  const files = list(folder, directory).map((name) => ({ name, digest: sha256(normalised(readFileSync(join(directory, folder, name)))) }));
  return { folder, digest: sha256(JSON.stringify(files)), files };
}

function list(folder: string, directory: string): string[] {
  try {
    return readdirSync(join(directory, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith(".") && !entry.name.endsWith(".md"))
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(join(directory, folder).length + 1)
          .replaceAll("\\", "/"),
      )
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") throw error;
    throw new RunError(
      `The folder ${folder} is not there. Make it (an empty one is fine), or name another; it is looked for from ${directory}.`,
    );
  }
}

/** A checkout on Windows must not look like a change: line endings and one byte-order mark do not count. */
function normalised(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(/^\u00ef\u00bb\u00bf/, "")
    .replaceAll("\r\n", "\n");
}

function sha256(text: string): string {
  return hash("sha256", Buffer.from(text, "latin1"));
}
