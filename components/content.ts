/** What a folder holds, by content: the key of a post-deploy step. */
import { createHash, hash } from "node:crypto";
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
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
  const part = Buffer.allocUnsafe(AT_A_TIME);
  const files = list(folder, directory).map((name) => ({ name, digest: digestOf(join(directory, folder, name), part) }));
  return { folder, digest: hash("sha256", JSON.stringify(files)), files };
}

/** A keyspace's rows may be a gigabyte: more than a text can hold, and than a preview should take. */
const AT_A_TIME = 256 * 1024;

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
function digestOf(file: string, part: Buffer): string {
  const digest = createHash("sha256");
  const open = openSync(file, "r");
  try {
    // A part may end between the two halves of a line's end.
    let held = "";
    for (let first = true; ; first = false) {
      const read = readSync(open, part, 0, part.length, null);
      if (read === 0) return digest.update(held, "latin1").digest("hex");
      const text = held + part.toString("latin1", 0, read);
      held = text.endsWith("\r") ? "\r" : "";
      const whole = held === "" ? text : text.slice(0, -1);
      digest.update((first ? whole.replace(BYTE_ORDER_MARK, "") : whole).replaceAll("\r\n", "\n"), "latin1");
    }
  } finally {
    closeSync(open);
  }
}

/** As latin1 reads it. */
const BYTE_ORDER_MARK = /^\u00ef\u00bb\u00bf/;
