/**
 * Archives JSON files: those of a product that leaves them, or those of an export. A copy of each with its SHA-256, read back from where it was written.
 *
 *     <system>/<kind>/<time>/files/<path>    as it was, or encrypted
 *     <system>/<kind>/<time>/SHA256SUMS      of the files as they were: sha256sum --check
 *     <system>/<kind>/<time>/manifest.json   written last: without it there is no archive
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { Failure } from "../postdeploy/connect/failure.ts";
import { createEncryption } from "./encryption.ts";
import { formatTime } from "./names.ts";
import { type SigningKey, signContent } from "./signature.ts";
import type { ObjectStore } from "./store/object-store.ts";
import { connectStreams, createMeter } from "./streams.ts";

/** json-archive: the files of the product. json-export: the tables of the product as such files. */
export const JSON_KINDS = ["json-archive", "json-export"] as const;
export type JsonKind = (typeof JSON_KINDS)[number];

export interface ArchiveOptions {
  readonly system: string;
  /** @default "json-archive" */
  readonly kind?: JsonKind;
  /** A folder. */
  readonly from: string;
  readonly copies: readonly ObjectStore[];
  /** The age recipients of the encrypted files. @default the files are copied as they are */
  readonly recipients?: readonly string[];
  /** Signs the manifest. */
  readonly signingKey?: SigningKey;
  readonly at: Date;
  /** Called with the path of each file before it is copied. */
  readonly onFile?: (file: string) => void;
}

interface Sum {
  readonly bytes: number;
  readonly sha256: string;
}

export interface ArchivedFile extends Sum {
  /** Below the folder, with slashes. */
  readonly path: string;
}

export interface Archive {
  /** Below which it is in each copy. */
  readonly prefix: string;
  readonly files: readonly ArchivedFile[];
  readonly bytes: number;
}

export const archiveManifestSchema = z.strictObject({
  schema: z.literal(1),
  /** Absent in archives of earlier versions. */
  kind: z.enum(JSON_KINDS).default("json-archive"),
  system: z.string(),
  at: z.iso.datetime(),
  encrypted: z.boolean(),
  files: z.array(z.strictObject({ path: z.string(), bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) })).min(1),
});
export type ArchiveManifest = z.infer<typeof archiveManifestSchema>;

export const archivePrefix = (system: string, kind: JsonKind, id: string): string => `${system}/${kind}/${id}/`;

export const ARCHIVE_KEY = new RegExp(`^[^/]+/(?:${JSON_KINDS.join("|")})/`);

export async function archiveFiles(options: ArchiveOptions): Promise<Archive> {
  const { system, kind = "json-archive", from, copies, recipients, signingKey, at, onFile = () => {} } = options;
  const prefix = archivePrefix(system, kind, formatTime(at));
  const paths = await listFiles(from);
  if (paths.length === 0)
    throw new Failure("archive-empty", 2, `${from} has no file, so there is nothing to archive. Name the folder with the JSON files.`);
  const written: string[] = [];
  try {
    const files: ArchivedFile[] = [];
    for (const file of paths) {
      onFile(file);
      const key = `${prefix}files/${file}`;
      written.push(key);
      files.push({ path: file, ...(await copyFile(path.join(from, file), key, copies, recipients)) });
    }
    requireSame(from, paths, await listFiles(from));
    const manifest: ArchiveManifest = { schema: 1, kind, system, at: at.toISOString(), encrypted: recipients !== undefined, files };
    const texts = {
      SHA256SUMS: files.map(formatSum).join(""),
      "manifest.json": signingKey === undefined ? `${JSON.stringify(manifest, null, 2)}\n` : signContent(manifest, signingKey),
    };
    for (const [name, text] of Object.entries(texts)) {
      written.push(`${prefix}${name}`);
      for (const copy of copies) await copy.write(`${prefix}${name}`, text);
    }
    return { prefix, files, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  } catch (error) {
    const lastFirst = written.toReversed();
    for (const copy of copies) for (const key of lastFirst) await copy.remove(key).catch(() => {});
    throw error;
  }
}

/** @throws {Failure} for a link, a device or a socket: what a link leads to may be anything, and may change */
async function listFiles(folder: string, below = ""): Promise<readonly string[]> {
  const found: string[] = [];
  const entries = await readdir(path.join(folder, below), { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(
      "archive-unreadable",
      2,
      `The folder ${path.join(folder, below)} cannot be read (${error.code}). Nothing was archived.`,
    );
  });
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const file = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await listFiles(folder, file)));
    else if (entry.isFile()) found.push(file);
    else
      throw new Failure(
        "archive-not-a-file",
        2,
        `${path.join(folder, file)} is ${entry.isSymbolicLink() ? "a link" : "no regular file"}. An archive has the files themselves: replace it by its file, or move it out of the folder. Nothing was archived.`,
      );
  }
  return found;
}

/** A file that is replaced by another one meanwhile is copied as it was; one that is written in place is refused. */
async function copyFile(
  file: string,
  key: string,
  copies: readonly ObjectStore[],
  recipients: readonly string[] | undefined,
): Promise<Sum> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT" || error.code === "ELOOP"
      ? changed(file)
      : new Failure("archive-unreadable", 2, `${file} cannot be read (${error.code}). Nothing was archived.`);
  });
  try {
    const before = await version(handle);
    let sum: Sum | undefined;
    for (const copy of copies) {
      const plain = createMeter();
      const stored = createMeter();
      const content = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 2 ** 20 });
      const steps =
        recipients === undefined ? [plain.stream, stored.stream] : [plain.stream, await createEncryption(recipients), stored.stream];
      await copy.writeStream(key, connectStreams(content, ...steps), { expectedBytes: Number(before.size) });
      const read = plain.result();
      if (
        (await version(handle)).text !== before.text ||
        read.bytes !== Number(before.size) ||
        (sum !== undefined && sum.sha256 !== read.sha256)
      )
        throw changed(file);
      await verify(copy, key, stored.result());
      sum = read;
    }
    return sum!;
  } finally {
    await handle.close();
  }
}

async function version(handle: FileHandle): Promise<{ readonly size: bigint; readonly text: string }> {
  const { size, mtimeNs } = await handle.stat({ bigint: true });
  return { size, text: `${size} ${mtimeNs}` };
}

async function verify(copy: ObjectStore, key: string, expected: Sum): Promise<void> {
  const meter = createMeter();
  meter.stream.resume();
  await pipeline(await copy.readStream(key), meter.stream);
  const { bytes, sha256 } = meter.result();
  if (sha256 !== expected.sha256)
    throw new Failure(
      "archive-damaged",
      1,
      `${key} in ${copy.name} has ${bytes} bytes that are not those that were written there (${expected.bytes}). Nothing was archived. Type the command again.`,
    );
}

function requireSame(folder: string, before: readonly string[], after: readonly string[]): void {
  const [file] = [...before.filter((one) => !after.includes(one)), ...after.filter((one) => !before.includes(one))];
  if (file !== undefined) throw changed(path.join(folder, file));
}

const changed = (file: string): Failure =>
  new Failure(
    "archive-changed",
    1,
    `${file} changed during the copy. Nothing was archived. Stop what writes it, or type the command again.`,
  );

/** As sha256sum writes it: a name with a line break or a backslash is escaped, and its line begins with a backslash. */
function formatSum({ path: file, sha256 }: ArchivedFile): string {
  const name = `files/${file}`.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${name === `files/${file}` ? "" : "\\"}${sha256}  ${name}\n`;
}

/** @throws {Failure} if the place for the copies is in the folder, or is the folder */
export async function requireOutside(from: string, to: string): Promise<void> {
  const relative = path.relative(path.resolve(from), path.resolve(to));
  const isInside = relative === "" || !(relative.startsWith("..") || path.isAbsolute(relative));
  if (isInside)
    throw new Failure(
      "archive-inside",
      2,
      `--to ${to} is in ${from}, which is archived. Name a folder outside of it. Nothing was archived.`,
    );
  if (
    !(await lstat(from).then(
      (stats) => stats.isDirectory(),
      () => false,
    ))
  )
    throw new Failure("archive-unreadable", 2, `--from ${from} is no folder. Name the folder with the JSON files. Nothing was archived.`);
}
