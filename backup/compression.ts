/** zstd, from Node itself. The level is that of the zstd program. */
import { Duplex, type Transform } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";

const PARAMS = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 };
const CHUNK_BYTES = 256 * 1024;
const BATCH_BYTES = 512 * 1024;

/**
 * Compresses in batches, because pg_dump writes pieces of a few kilobytes, and each would cost a task of the thread pool. One batch is filled while the
 * other is compressed. A new buffer for each would make the garbage collector run all the time.
 * @param onBatch gets the data before it is compressed. The buffer is valid only during the call.
 */
export function compress(onBatch: (batch: Buffer) => void): Duplex {
  const zstd = createZstdCompress({ params: PARAMS, chunkSize: CHUNK_BYTES });
  let batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  let spare = Buffer.allocUnsafeSlow(BATCH_BYTES);
  let used = 0;
  let isCompressing = false;
  let waiting: (() => void) | undefined;
  /** Starts with the batch as soon as the one before is done, which is when the spare buffer is free. */
  const startBatch = (next: () => void): void => {
    if (isCompressing) {
      waiting = () => startBatch(next);
      return;
    }
    isCompressing = true;
    const full = batch.subarray(0, used);
    [batch, spare] = [spare, batch];
    used = 0;
    onBatch(full);
    zstd.write(full, (error) => {
      isCompressing = false;
      if (!error) waiting?.();
    });
    waiting = undefined;
    next();
  };
  const stream = new Duplex({
    readableHighWaterMark: 4 * CHUNK_BYTES,
    write(data: Buffer, _, done) {
      const fill = (from: number): void => {
        const copied = data.copy(batch, used, from);
        used += copied;
        if (used < BATCH_BYTES) done();
        else startBatch(() => (from + copied < data.length ? fill(from + copied) : done()));
      };
      fill(0);
    },
    final(done) {
      startBatch(() => zstd.end(done));
    },
    read: () => void zstd.resume(),
    destroy(error, done) {
      zstd.destroy();
      done(error);
    },
  });
  zstd.on("data", (chunk) => {
    if (!stream.push(chunk)) zstd.pause();
  });
  zstd.on("end", () => stream.push(null));
  zstd.on("error", (error) => stream.destroy(error));
  return stream;
}

export const decompress = (): Transform => createZstdDecompress({ chunkSize: CHUNK_BYTES });
