import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Cloud } from "../core/cloud.ts";

/** Content on disk. File names are random and never derived from keys, so no key can lead outside the folder. */
export interface StoredFile {
  readonly file: string;
  readonly size: number;
  /** Hex. */
  readonly md5: string;
  readonly sha256: string;
}

export async function storeContent(cloud: Cloud, content: Readable): Promise<StoredFile> {
  const file = randomUUID();
  const md5 = createHash("md5");
  const sha256 = createHash("sha256");
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _, done) {
      md5.update(chunk);
      sha256.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  try {
    await pipeline(content, measure, createWriteStream(pathOf(cloud, file), { mode: 0o600, flush: true }));
  } catch (error) {
    await deleteContent(cloud, [file]);
    throw error;
  }
  return { file, size, md5: md5.digest("hex"), sha256: sha256.digest("hex") };
}

export const readContent = (cloud: Cloud, file: string, range?: { readonly start: number; readonly end: number }): Readable =>
  createReadStream(pathOf(cloud, file), range);

/** Reads several files as one stream. */
export const readConcatenated = (cloud: Cloud, files: readonly string[]): Readable =>
  Readable.from(
    (async function* () {
      for (const file of files) yield* readContent(cloud, file);
    })(),
  );

/** Call this after the records that name the files are deleted: it saves the state before it removes them. */
export async function deleteContent(cloud: Cloud, files: readonly string[]): Promise<void> {
  await cloud.store.saved();
  for (const file of files) await rm(pathOf(cloud, file), { force: true });
}

/** Deletes files that a crash left without a record. */
export async function deleteOrphanedContent(cloud: Cloud, recorded: ReadonlySet<string>): Promise<void> {
  mkdirSync(folderOf(cloud), { recursive: true, mode: 0o700 });
  for (const file of readdirSync(folderOf(cloud))) if (!recorded.has(file)) await rm(pathOf(cloud, file), { force: true });
}

const folderOf = (cloud: Cloud) => join(cloud.directory, "objects");
const pathOf = (cloud: Cloud, file: string) => join(folderOf(cloud), file);
