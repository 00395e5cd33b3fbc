/** zstd, from Node itself. The level is that of the zstd program. */

import type { Transform } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";

export const compress = (): Transform =>
  createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 }, chunkSize: 256 * 1024 });

export const decompress = (): Transform => createZstdDecompress({ chunkSize: 256 * 1024 });
