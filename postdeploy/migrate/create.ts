/** Creates a migration and its down migration with the next free number. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../connect/failure.ts";
import { downName, numberOf, readFolder } from "./read/files.ts";
import { templateFor } from "./read/template.ts";

export interface CreateOptions {
  folder: string;
  /** What the migration does, in a few words: "add invoice notes". */
  name: string;
  /** Create a repeatable file, for views and functions. @default false */
  repeatable?: boolean | undefined;
}

export function create({ folder, name, repeatable = false }: CreateOptions): readonly string[] {
  const slug = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "");
  if (slug === "")
    throw new Failure(
      "bad-name",
      2,
      `Name "${name}" contains no letter or digit. Describe the migration in a few words: slipway migrate new add_invoice_notes`,
    );
  mkdirSync(folder, { recursive: true });
  const { files } = readFolder(folder);
  const numbers = files.map((file) => /^\d+/.exec(file.name)?.[0] ?? "").filter((digits) => digits !== "");
  const highest = files
    .map((file) => numberOf(file.name))
    .reduce((most, number) => (number.length > most.length || (number.length === most.length && number > most) ? number : most), "0");
  const width = Math.max(3, ...numbers.slice(-1).map((digits) => digits.length));
  const stem = repeatable ? `R_${slug}` : `${String(BigInt(highest) + 1n).padStart(width, "0")}_${slug}`;
  const forward = `${stem}.sql`;
  const created = repeatable ? [forward] : [forward, downName(forward)];
  for (const file of created) write(join(folder, file), templateFor(file));
  return created;
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Failure("exists", 2, `${path} already exists. Choose another name.`);
  }
}
