/** Writes the files of an archive or an export into a folder. The folder gets its name once every file is the one that was archived. */
import { createWriteStream, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { Failure } from "../postdeploy/connect/failure.ts";
import { decrypt } from "./encryption.ts";
import { type ArchivedFile, archivePrefix } from "./json-archive.ts";
import { formatStored, type StoredFiles } from "./json-inventory.ts";
import type { ObjectStore } from "./store/object-store.ts";
import { connectStreams, createMeter } from "./streams.ts";

export interface ExtractOptions {
  readonly stored: StoredFiles;
  readonly copy: ObjectStore;
  /** age secret keys. */
  readonly identities: readonly string[];
  /** A folder that does not exist, or is empty. */
  readonly to: string;
}

export async function extractFiles({ stored, copy, identities, to }: ExtractOptions): Promise<void> {
  const folder = path.resolve(to);
  requireNew(folder);
  const unfinished = `${folder}.partial-${process.pid}`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  try {
    for (const file of stored.manifest.files) await extractFile(file, { stored, copy, identities, to: unfinished });
    if (existsSync(folder)) rmdirSync(folder);
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function extractFile({ path: file, bytes, sha256 }: ArchivedFile, { stored, copy, identities, to }: ExtractOptions): Promise<void> {
  const target = path.join(to, file);
  // A signed manifest names no other place; this is for one that a faulty program signed.
  if (path.relative(to, target).split(path.sep)[0] === ".." || path.isAbsolute(file))
    throw new Failure(
      "extract-outside",
      1,
      `${formatStored(stored)} names the file ${file}, which is outside of its folder. Nothing was written.`,
    );
  mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
  const meter = createMeter();
  const { system, kind, id, manifest } = stored;
  const content = await copy.readStream(`${archivePrefix(system, kind, id)}files/${file}`);
  const plain = manifest.encrypted ? await decrypt(content, identities) : content;
  await pipeline(connectStreams(plain, meter.stream), createWriteStream(target, { flags: "wx", mode: 0o600 }));
  const found = meter.result();
  if (found.bytes !== bytes || found.sha256 !== sha256)
    throw new Failure(
      "damaged",
      1,
      `${file} of ${formatStored(stored)} in ${copy.name} is not the file that was archived. Nothing was written. Read another copy (--store <its address>), or another one.`,
    );
}

function requireNew(folder: string): void {
  if (!existsSync(path.dirname(folder)))
    throw new Failure("no-folder", 2, `${path.dirname(folder)} does not exist. Create it, or name another folder with --to.`);
  if (!existsSync(folder)) return;
  const names = (() => {
    try {
      return readdirSync(folder);
    } catch {
      return undefined;
    }
  })();
  if (names === undefined || names.length > 0)
    throw new Failure("not-empty", 2, `${folder} exists and is no empty folder. Name a folder that does not exist yet.`);
}
