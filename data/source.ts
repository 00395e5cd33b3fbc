/** Finds the files of a source. Every file is one that the mapping names, or a problem; no link is followed. */
import { createWriteStream, type Dirent, lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Failure } from "../postdeploy/connect/failure.ts";
import { printable } from "../postdeploy/connect/quote.ts";
import type { DataMapping } from "../systems/data/mapping.ts";

/** Written by an export into its folder. It describes the files, and is none of them. */
export const EXPORT_MANIFEST = "slipway-export.json";

export interface SourceFile {
  /** For messages: "users.json", "users/17.json". */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** It holds one record, and not a list of them. */
  readonly isRecord: boolean;
}

export interface Source {
  /** By the name in the mapping. A name without files has no entry. */
  readonly files: ReadonlyMap<string, readonly SourceFile[]>;
  /** A folder is a whole source; a single file is only its own entities. */
  readonly isWhole: boolean;
  /** Files that the mapping ignores, with the reason. */
  readonly ignored: readonly { readonly name: string; readonly reason: string }[];
  /** Removes what was written for the run. */
  close(): void;
}

export interface SourceOptions {
  /** A folder, a file, or "-". */
  readonly from: string;
  /** Which file standard input or a file with another name is: "users.json". */
  readonly as?: string | undefined;
  readonly stdin?: Readable;
}

const EXTENSION = /\.(json|ndjson|jsonl)$/;

export async function openSource(mapping: DataMapping, { from, as, stdin = process.stdin }: SourceOptions): Promise<Source> {
  const known = new Set(mapping.entities.flatMap(({ from }) => ("file" in from ? [from.file] : [])));
  if (from === "-") return await readStandardInput(known, as, stdin);
  let stats: ReturnType<typeof lstatSync>;
  try {
    stats = lstatSync(from);
  } catch (error) {
    throw new Failure(
      "no-source",
      2,
      `${printable(from)} cannot be read (${(error as NodeJS.ErrnoException).code}). Name a folder or a file.`,
    );
  }
  if (stats.isDirectory()) return readFolder(from, mapping, known);
  if (!stats.isFile())
    throw new Failure("no-source", 2, `${printable(from)} is neither a folder nor a regular file. Links are not followed.`);
  return openFile(from, stats.size, stemOf(as ?? path.basename(from), known), path.basename(from), () => {});
}

function openFile(file: string, bytes: number, stem: string, name: string, close: () => void): Source {
  return { files: new Map([[stem, [{ name, path: file, bytes, isRecord: false }]]]), isWhole: false, ignored: [], close };
}

function stemOf(name: string, known: ReadonlySet<string>): string {
  const stem = name.replace(EXTENSION, "");
  if (known.has(stem)) return stem;
  const example = [...known][0] ?? "users";
  throw new Failure(
    "no-file-name",
    2,
    `${printable(name)} is none of the files of this system: ${[...known].join(", ")}. Say which one it is: --as ${example}.json`,
  );
}

/** A file is read once for its own rows and once for each list inside its records, so standard input is kept until the end of the run. */
async function readStandardInput(known: ReadonlySet<string>, as: string | undefined, stdin: Readable): Promise<Source> {
  if (as === undefined) throw new Failure("no-file-name", 2, `Which file is in standard input? --as ${[...known][0] ?? "users"}.json`);
  const stem = stemOf(as, known);
  const folder = mkdtempSync(path.join(tmpdir(), "slipway-data-"));
  const close = () => rmSync(folder, { recursive: true, force: true });
  const file = path.join(folder, as.replace(/.*[/\\]/, ""));
  try {
    await pipeline(stdin, createWriteStream(file, { mode: 0o600 }));
    return openFile(file, lstatSync(file).size, stem, as, close);
  } catch (error) {
    close();
    throw error;
  }
}

function readFolder(folder: string, mapping: DataMapping, known: ReadonlySet<string>): Source {
  const files = new Map<string, SourceFile[]>();
  const ignored: { name: string; reason: string }[] = [];
  const problems: string[] = [];
  for (const entry of list(folder)) {
    const { name } = entry;
    if (name === EXPORT_MANIFEST && entry.isFile()) continue;
    const reason = Object.hasOwn(mapping.ignoredFiles ?? {}, name) ? mapping.ignoredFiles?.[name] : undefined;
    if (reason !== undefined) {
      ignored.push({ name, reason });
      continue;
    }
    const stem = entry.isFile() ? name.replace(EXTENSION, "") : name;
    if (!known.has(stem) || (entry.isFile() && stem === name)) {
      problems.push(`${printable(name)}: the mapping does not name it`);
      continue;
    }
    if (files.has(stem)) {
      problems.push(`${printable(name)}: ${files.get(stem)?.[0]?.name.replace(/\/.*/, "/") ?? stem} holds the same records`);
      continue;
    }
    if (entry.isFile()) files.set(stem, [fileAt(folder, name, false)]);
    else if (entry.isDirectory()) files.set(stem, readRecordFiles(folder, stem, problems));
    else problems.push(`${printable(name)}: it is neither a file nor a folder. Links are not followed`);
  }
  if (problems.length > 0)
    throw new Failure(
      "unknown-files",
      1,
      [
        `The source has ${problems.length === 1 ? "a file" : `${problems.length} files`} that cannot be imported, so nothing was:`,
        ...problems.slice(0, 50).map((problem) => `  ${problem}`),
        ...(problems.length > 50 ? [`  and ${problems.length - 50} more`] : []),
        "Add each to the mapping of the system: as a file of an entity, or under ignoredFiles with a reason.",
      ].join("\n"),
    );
  return { files, isWhole: true, ignored, close: () => {} };
}

function readRecordFiles(folder: string, stem: string, problems: string[]): SourceFile[] {
  return list(path.join(folder, stem)).flatMap((entry) => {
    if (entry.isFile() && entry.name.endsWith(".json")) return [fileAt(folder, `${stem}/${entry.name}`, true)];
    problems.push(`${stem}/${printable(entry.name)}: a folder of records has only .json files`);
    return [];
  });
}

/** In an order that does not depend on the file system. */
const list = (folder: string): Dirent[] =>
  readdirSync(folder, { withFileTypes: true }).sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));

function fileAt(folder: string, name: string, isRecord: boolean): SourceFile {
  const file = path.join(folder, name);
  return { name: printable(name), path: file, bytes: lstatSync(file).size, isRecord };
}
