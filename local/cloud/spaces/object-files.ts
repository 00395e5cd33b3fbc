import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Cloud } from "../core/cloud.ts";

/** Content on disk. A file's name is drawn at random, never made of an object's key, so no key can lead outside. */
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

/** One after the other, as one. */
export const readConcatenated = (cloud: Cloud, files: readonly string[]): Readable =>
  Readable.from(
    (async function* () {
      for (const file of files) yield* readContent(cloud, file);
    })(),
  );

/** Only once no record names them any more. */
export async function deleteContent(cloud: Cloud, files: readonly string[]): Promise<void> {
  await cloud.store.saved();
  for (const file of files) await rm(pathOf(cloud, file), { force: true });
}

/** What a crash left behind: files that were written and never recorded. */
export async function deleteOrphanedContent(cloud: Cloud, recorded: ReadonlySet<string>): Promise<void> {
  mkdirSync(folderOf(cloud), { recursive: true, mode: 0o700 });
  for (const file of readdirSync(folderOf(cloud))) if (!recorded.has(file)) await rm(pathOf(cloud, file), { force: true });
}

const folderOf = (cloud: Cloud) => join(cloud.directory, "objects");
const pathOf = (cloud: Cloud, file: string) => join(folderOf(cloud), file);
