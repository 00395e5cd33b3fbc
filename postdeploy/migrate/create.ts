/** Writes a new pair of files under the next free number. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../connect/failure.ts";
import { downName, numberOf, readFolder } from "./read/files.ts";
import { templateOf } from "./read/template.ts";

export interface CreateOptions {
  folder: string;
  /** What it does, in a few words: "add invoice notes". */
  name: string;
  /** For views and functions, applied again whenever the text changes. @default false */
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
      `"${name}" holds no letter or digit. Say in a few words what the migration does: slipway migrate new add_invoice_notes`,
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
  const made = repeatable ? [forward] : [forward, downName(forward)];
  for (const file of made) write(join(folder, file), templateOf(file));
  return made;
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Failure("exists", 2, `${path} is there already. Choose another name.`);
  }
}
