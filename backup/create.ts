/**
 * Makes a backup: dump, zstd, age, and every copy at the same time. The manifest is written last, to the copies that have all of the data. Until then
 * there is no backup, however the process ends.
 */
import type { Readable, Transform } from "node:stream";
import { Failure } from "../postdeploy/connect/failure.ts";
import { compress } from "./compression.ts";
import { createEncryption } from "./encryption.ts";
import { takeLease } from "./lease.ts";
import { type Compression, type Manifest, manifestSchema, type PostgresContents, type ValkeyContents } from "./manifest.ts";
import { createId, type DataSet, formatDataSet, keyOf } from "./names.ts";
import type { Repository } from "./repository.ts";
import { type SigningKey, signContent } from "./signature.ts";
import type { ObjectStore } from "./store/object-store.ts";
import { refuseStoredIdentity } from "./stored-identity.ts";
import { connectStreams, createDigest, createMeter, type Meter, splitStream } from "./streams.ts";

/** The data of a set, as it is read for a backup. */
export interface Source {
  readonly archive: Readable;
  readonly compression: Compression;
  /** Which server it is; undefined where the server does not say it. */
  readonly origin: string | undefined;
  /** About how much will be stored. A guess that is too low limits an upload to 10,000 parts of 8 MiB. */
  readonly expectedBytes: number;
  /** Resolves once the archive has ended. */
  readonly contents: Promise<{ readonly postgres: PostgresContents } | { readonly valkey: ValkeyContents }>;
  close(): Promise<void>;
}

export interface CreateOptions {
  readonly repository: Repository;
  readonly set: DataSet;
  readonly openSource: () => Promise<Source>;
  readonly recipients: readonly string[];
  readonly signingKey: SigningKey;
  /** "slipway 1.2.0" */
  readonly tool: string;
}

export interface Created {
  readonly manifest: Manifest;
  readonly copies: readonly string[];
  /** Copies that do not have it, and why. */
  readonly missing: readonly { readonly copy: string; readonly reason: string }[];
}

export async function createBackup(options: CreateOptions): Promise<Created> {
  const { repository, set, recipients } = options;
  const [primary] = repository.copies;
  await refuseStoredIdentity(repository.copies, recipients);
  const lease = await takeLease(primary, set, "a backup");
  try {
    const startedAt = new Date();
    const id = createId(startedAt);
    const source = await options.openSource();
    try {
      // After the dump has begun, because loading the cipher's keys takes as long as pg_dump needs to read the catalogs.
      const encryption = await createEncryption(recipients);
      const stored = await store(source, encryption, { ...options, id });
      const contents = await source.contents;
      const manifest = manifestSchema.parse({
        ...{ format: 1, id, ...set, startedAt: startedAt.toISOString(), finishedAt: new Date().toISOString(), tool: options.tool },
        ...{ origin: source.origin, generation: lease.generation },
        data: { compression: source.compression, encryption: "age", recipients: [...recipients], ...stored.data },
        ...contents,
      });
      await lease.confirm();
      return await commit(manifest, stored.copies, options);
    } finally {
      await source.close();
    }
  } finally {
    await lease.release();
  }
}

interface Stored {
  readonly data: Pick<Manifest["data"], "bytes" | "sha256" | "plainBytes" | "plainSha256">;
  readonly copies: readonly { readonly store: ObjectStore; readonly failure?: Error }[];
}

async function store(
  { archive, compression, expectedBytes }: Source,
  encryption: Transform,
  { repository: { copies }, set, id }: CreateOptions & { readonly id: string },
): Promise<Stored> {
  // It failed while the encryption was prepared.
  if (archive.errored) throw archive.errored;
  const plain = compression === "zstd" ? createMeteredCompression() : createMeter();
  const encrypted = createMeter();
  const sealed = connectStreams(archive, plain.stream, encryption, encrypted.stream);
  const branches = splitStream(sealed, copies.length);
  const writes = copies.map(async (copy, index) => {
    try {
      await copy.writeStream(keyOf(set, id, "data"), branches[index]!, { expectedBytes });
      return { store: copy };
    } catch (error) {
      branches[index]!.destroy();
      return { store: copy, failure: error as Error };
    }
  });
  const results = await Promise.all(writes);
  // What the source says explains more than what the stores say about data that ended.
  if (archive.errored) throw archive.errored;
  const failures = results.flatMap(({ failure }) => failure ?? []);
  if (failures.length === copies.length) throw failures[0]!;
  const [before, after] = [plain.result(), encrypted.result()];
  return { data: { ...after, plainBytes: before.bytes, plainSha256: before.sha256 }, copies: results };
}

function createMeteredCompression(): Meter {
  const { update, result } = createDigest();
  return { stream: compress(update), result };
}

async function commit(manifest: Manifest, copies: Stored["copies"], { set, signingKey }: CreateOptions): Promise<Created> {
  const text = signContent(manifest, signingKey);
  const complete: string[] = [];
  const missing: { copy: string; reason: string }[] = [];
  for (const { store: copy, failure } of copies) {
    try {
      if (failure) throw failure;
      await copy.write(keyOf(set, manifest.id, "manifest.json"), text);
      complete.push(copy.name);
    } catch (error) {
      missing.push({ copy: copy.name, reason: (error as Error).message });
    }
  }
  if (complete.length === 0)
    throw new Failure(
      "no-copy",
      1,
      `No copy of the backup of ${formatDataSet(set)} could be finished:\n${missing.map(({ reason }) => reason).join("\n")}`,
    );
  return { manifest, copies: complete, missing };
}
