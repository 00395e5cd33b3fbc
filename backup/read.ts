/** Reads the data of a backup. What arrives is compared with the manifest, up to the last byte. */
import { PassThrough, type Readable } from "node:stream";
import { Failure } from "../postdeploy/connect/failure.ts";
import { decompress } from "./compression.ts";
import { decrypt } from "./encryption.ts";
import type { Manifest } from "./manifest.ts";
import { keyOf } from "./names.ts";
import type { ObjectStore } from "./store/object-store.ts";
import { connectStreams, createMeter, type Meter } from "./streams.ts";

/** The stored bytes. Fails at the end if they are not those of the manifest. */
export async function readStored(copy: ObjectStore, manifest: Manifest): Promise<Readable> {
  const key = keyOf(manifest, manifest.id, "data");
  const meter = createMeter();
  const stored = connectStreams(await copy.readStream(key), meter.stream);
  const { bytes, sha256 } = manifest.data;
  return endWith(stored, meter, { bytes, sha256, problem: `${key} in ${copy.name} is damaged: its bytes are not those that were stored` });
}

/**
 * The archive. Fails at the end if it is not that of the manifest, so a reader must not trust it before its end.
 * @param identities age secret keys
 */
export async function readArchive(copy: ObjectStore, manifest: Manifest, identities: readonly string[]): Promise<Readable> {
  const stored = await readStored(copy, manifest);
  const meter = createMeter();
  const opened = await decrypt(stored, identities);
  const archive = connectStreams(opened, ...(manifest.data.compression === "zstd" ? [decompress()] : []), meter.stream);
  stored.on("error", (error) => archive.destroy(error));
  const { plainBytes: bytes, plainSha256: sha256 } = manifest.data;
  const checked = endWith(archive, meter, {
    bytes,
    sha256,
    problem: `The archive of ${manifest.id} in ${copy.name} is not the one that was backed up`,
  });
  // A cipher that stops early says only that.
  checked.on("error", () => stored.destroy());
  return checked;
}

interface Expected {
  readonly bytes: number;
  readonly sha256: string;
  readonly problem: string;
}

/** Holds the end of a stream back until its hash has been compared. */
function endWith(source: Readable, meter: Meter, { bytes, sha256, problem }: Expected): Readable {
  const checked = new PassThrough({ highWaterMark: 2 ** 20 });
  source.on("error", (error) => checked.destroy(error instanceof Failure ? error : damaged(`${problem} (${error.message})`)));
  source.on("end", () => {
    const found = meter.result();
    if (found.bytes === bytes && found.sha256 === sha256) checked.end();
    else checked.destroy(damaged(found.bytes === bytes ? problem : `${problem} (${found.bytes} bytes instead of ${bytes})`));
  });
  checked.on("close", () => {
    if (!source.readableEnded) source.destroy();
  });
  source.pipe(checked, { end: false });
  return checked;
}

const damaged = (message: string) =>
  new Failure("damaged", 1, `${message}. Restore from another copy (--store <its address>), or another backup.`);
